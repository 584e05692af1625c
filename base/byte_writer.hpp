// SPDX-License-Identifier: Apache-2.0
// Little-endian values one after the other, as firmware tables want them. Pure.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace samepage {

class ByteWriter {
 public:
  template <std::unsigned_integral Value>
  ByteWriter& put(Value value) {
    static_assert(std::endian::native == std::endian::little);
    return put(std::as_bytes(std::span(&value, 1)));
  }
  ByteWriter& put(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  /// The characters, without a terminating zero.
  ByteWriter& text(std::string_view characters) { return put(std::as_bytes(std::span(characters))); }
  ByteWriter& zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  /// Zeros up to an offset that lies ahead.
  ByteWriter& pad_to(std::size_t offset) { return zeros(offset - bytes_.size()); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace samepage
