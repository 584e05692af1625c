// SPDX-License-Identifier: Apache-2.0
#include "guest/lib/input.hpp"

#include <cstdint>

#include "guest/abi.hpp"
#include "guest/lib/console.hpp"
#include "guest/lib/port.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

constexpr std::uint16_t line_status = abi::com1_port + 5;
constexpr std::uint8_t data_ready = 0x01;

// A CPU that polls without a pause would keep the host busy. Who types goes on typing.
char next_byte() {
  constexpr std::uint64_t longest_ms = 32;
  std::uint64_t ms = 1;
  while ((port_read(line_status) & data_ready) == 0) {
    sleep_for(milliseconds(ms));
    if (ms < longest_ms) ms *= 2;
  }
  return static_cast<char>(port_read(abi::com1_port));
}

}  // namespace

InputLine::InputLine() {
  for (char byte = next_byte(); byte != '\n' && byte != '\r'; byte = next_byte()) {
    write_console({&byte, 1});
    if (size_ < bytes_.size()) bytes_[size_++] = byte;
  }
  print("\n");
}

std::size_t InputLine::number() const {
  std::size_t value = 0;
  std::string_view digits = text();
  while (!digits.empty() && digits.front() != ' ') digits.remove_prefix(1);
  if (!digits.empty()) digits.remove_prefix(1);
  for (const char digit : digits) {
    if (digit < '0' || digit > '9' || value > (1U << 28U)) return 0;
    value = 10 * value + static_cast<std::size_t>(digit - '0');
  }
  return value;
}

}  // namespace samepage::guest
