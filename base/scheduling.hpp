// SPDX-License-Identifier: Apache-2.0
// How the scheduler treats a thread that gives way to others. sched_setattr(2), which the C library has no
// function for.
#pragma once

namespace samepage {

/// The calling thread is `niceness` nicer from now on (19 at most), for good, and whoever else wakes up has
/// its processor at once instead of after the usual slice of some milliseconds, from Linux 6.12 on. Needs no
/// rights. Nothing for a thread that has a real-time policy.
void give_way(int niceness);

}  // namespace samepage
