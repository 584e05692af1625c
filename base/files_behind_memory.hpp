// SPDX-License-Identifier: Apache-2.0
// The names of the files that memory of this process is read back from (paging files). A disk that fails
// shows when somebody touches such a page, be it in a handler of SIGBUS: who ends then can say what to look
// at. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace samepage {

/// Memory may lie in this file from now on.
void note_file_behind_memory(const std::string& path);
/// The files, separated by commas; empty: there are none. May be called in a signal handler. What it returns
/// stays as it is.
[[nodiscard]] std::string_view files_behind_memory();

}  // namespace samepage
