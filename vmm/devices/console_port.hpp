// SPDX-License-Identifier: Apache-2.0
// Which of a guest's consoles somebody types into. What both print goes to the same place.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace samepage::vmm {

enum class ConsolePort : std::uint8_t { com1, hvc0 };

constexpr std::string_view name_of(ConsolePort port) {
  return port == ConsolePort::com1 ? "com1" : "hvc0";
}

constexpr std::optional<ConsolePort> parse_console_port(std::string_view text) {
  for (const ConsolePort port : {ConsolePort::com1, ConsolePort::hvc0}) {
    if (text == name_of(port)) return port;
  }
  return std::nullopt;
}

}  // namespace samepage::vmm
