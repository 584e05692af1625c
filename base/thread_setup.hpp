// SPDX-License-Identifier: Apache-2.0
// What a thread does first that is not the program's main thread.
#pragma once

namespace samepage {

/// The calling thread is shown as `name` (15 characters at most) by ps and gdb, and takes no signals: they
/// are for the thread that polls for them. Signals of its own faults stay.
void prepare_thread(const char* name);

}  // namespace samepage
