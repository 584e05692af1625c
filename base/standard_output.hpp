// SPDX-License-Identifier: Apache-2.0
// What the programs print: results on standard output, complaints on standard error. The program fails when a
// result can't be written. A complaint never changes what the program does or how it ends.
#pragma once

#include <string_view>

namespace samepage {

/// Thrown when the reader of standard output is gone, as with `| head`. No message is printed: the program
/// ends as SIGPIPE would end it, with exit_by_signal(SIGPIPE).
struct ReaderGone {};

/// Writes `text` to standard output and waits until it is taken. False when `stop` (a descriptor, -1: none)
/// became readable before. Throws ReaderGone, and std::system_error when it can't be written.
bool print_out(std::string_view text, int stop = -1);

/// Writes `text` to standard error. Waits at most a second for a slow reader, and does not wait again while
/// the reader still takes nothing.
void print_err(std::string_view text) noexcept;
/// The same with a line end.
void complain(std::string_view line) noexcept;

}  // namespace samepage
