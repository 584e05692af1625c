// SPDX-License-Identifier: Apache-2.0
// Little-endian values out of a file, wherever they lie in it. Pure.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

namespace samepage {

/// The value at `offset`; that all of it lies within the bytes is for the caller to know.
template <typename Value>
requires std::is_trivially_copyable_v<Value> Value read_value(std::span<const std::byte> bytes,
                                                              std::size_t offset = 0) {
  static_assert(std::endian::native == std::endian::little);
  Value value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace samepage
