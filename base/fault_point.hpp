// SPDX-License-Identifier: Apache-2.0
// Points in a program where a test can make it fail, so that each step of it is tried as one that fails.
// SAMEPAGE_FAULT names them: NAME:NTH:ACTION, several with commas between. The NTH time that the process
// comes by it is killed (`kill`, as by kill -9), waits (`delay=MS`), or the call there fails (`EIO`,
// `ENOSPC`, `ENOMEM`, `EMFILE`, `EAGAIN`, `EINTR`, `ENOBUFS`). With `NTH+` each time after that too, so that
// a shortage lasts. Release builds know none of this. Any thread.
#pragma once

#include <string_view>

namespace samepage {

/// Whether this build knows fault points.
[[nodiscard]] bool has_fault_points() noexcept;
/// Does what was asked for. 0, or the errno with which the call here is to fail; errno is set to it then.
int reach_fault_point(std::string_view name) noexcept;
/// Asks for `faults`, as SAMEPAGE_FAULT does, in place of what was asked for before. Before there are
/// threads. Throws UserError with what is wrong.
void arm_fault_points(std::string_view faults);

}  // namespace samepage
