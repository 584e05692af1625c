// SPDX-License-Identifier: Apache-2.0
// Printing: print("torture: ", visits, " visits\n"). One call is one piece of output, never mixed with
// another CPU's. Any CPU may call.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace samepage::guest {

/// A number to be printed in hexadecimal, with 0x before it.
struct Hex {
  std::uint64_t value;
};

/// A piece of output as it is put together. What does not fit is cut off.
class Line {
 public:
  void put(std::string_view text);
  void put(Hex number);
  void put(std::unsigned_integral auto number) { put_decimal(number); }

  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  void put_decimal(std::uint64_t number);

  std::array<char, 256> bytes_;  // the first size_ are set
  std::size_t size_ = 0;
};

/// Writes to the UART at COM1.
void write_console(std::string_view text);

template <typename... Parts>
void print(const Parts&... parts) {
  Line line;
  (line.put(parts), ...);
  write_console(line.text());
}

}  // namespace samepage::guest
