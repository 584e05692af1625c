// SPDX-License-Identifier: Apache-2.0
// What our programs print: results on standard output, complaints on standard error. Results are all taken or
// the program fails; a complaint never changes what the program does or how it ends.
#pragma once

#include <string_view>

namespace samepage {

/// Thrown when nobody reads standard output any more, as `head` makes it. Not an error to talk about: a
/// program ends then as SIGPIPE would end it, which exit_by_signal(SIGPIPE) tells.
struct ReaderGone {};

/// Writes `text` to standard output and waits until it is taken. False when `stop` (a descriptor, -1: none)
/// became readable before. Throws ReaderGone, and std::system_error when it can't be written.
bool print_out(std::string_view text, int stop = -1);

/// Writes `text` to standard error. Waits at most a second for a reader that does not take it, and not again
/// while it still does not.
void print_err(std::string_view text) noexcept;
/// The same with a line end.
void complain(std::string_view line) noexcept;

}  // namespace samepage
