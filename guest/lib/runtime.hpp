// SPDX-License-Identifier: Apache-2.0
// The frame around a program: how it starts, in ring 3 on the first CPU, and how it ends.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest/lib/arguments.hpp"

namespace samepage::guest {

inline constexpr std::uint8_t code_failed = 1;   // the program found something wrong
inline constexpr std::uint8_t code_usage = 2;    // the command line makes no sense
inline constexpr std::uint8_t code_fault = 101;  // the program raised an exception

/// Each program defines this one. What it returns is the guest's exit code.
std::uint8_t run(const Arguments& arguments);

/// Ends the guest with code_usage and a line that says why.
[[noreturn]] void refuse(std::string_view reason);

/// Ends the guest through the debug exit port. Any CPU may call. Halts where there is no such port.
[[noreturn]] void exit(std::uint8_t code);

}  // namespace samepage::guest
