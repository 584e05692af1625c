// SPDX-License-Identifier: Apache-2.0
// A fuzzer's bytes, taken one decision after the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace samepage::test {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// The next bytes, zeros behind the end.
  template <typename T>
  T take() {
    T value{};
    const std::size_t size = std::min(sizeof(T), bytes_.size());
    if (size > 0) std::memcpy(&value, bytes_.data(), size);  // nothing at all may have no address
    bytes_ = bytes_.subspan(size);
    return value;
  }
  /// A number below `below`, which is not 0.
  std::uint32_t below(std::uint32_t below) {
    return below <= 256 ? take<std::uint8_t>() % below : take<std::uint32_t>() % below;
  }
  /// Something out of a container that has something.
  template <typename Container>
  auto& one_of(Container& container) {
    return container[below(static_cast<std::uint32_t>(container.size()))];
  }
  /// One in so many.
  bool chance(std::uint32_t one_in) { return below(one_in) == 0; }
  /// Up to `most` bytes as they are.
  std::span<const std::uint8_t> take_bytes(std::size_t most) {
    const auto taken = bytes_.first(std::min(most, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace samepage::test
