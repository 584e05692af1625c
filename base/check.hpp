// SPDX-License-Identifier: Apache-2.0
// The only place where errno becomes an exception, and the two other ways a program of ours ends:
// UserError is a sentence for the person at the keyboard; invariant() is our own mistake.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace samepage {

/// A mistake of the person or something that the host lacks. The text names the cause and the way out. Only
/// main catches it.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws std::system_error with `call` and errno.
[[noreturn]] void throw_errno(std::string_view call);

/// Passes the result of a system call on; when it is negative, throws std::system_error with `call` and
/// errno.
template <typename Result>
Result check(Result result, std::string_view call) {
  if (result < 0) throw_errno(call);
  return result;
}

/// Aborts with `what` when `holds` is false, in release builds too: never run on with wrong memory.
void invariant(bool holds, std::string_view what) noexcept;

}  // namespace samepage
