// SPDX-License-Identifier: Apache-2.0
// A hash with a random key that never leaves the daemon. Agents choose the digests that they offer, and know
// their domain's secret: without this key they can't choose where in a table of ours the digests go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace samepage::dedup {

class KeyedHash {
 public:
  /// With a new key from the kernel. Throws std::system_error.
  KeyedHash();

  /// The high and the low half of a product of 128 bits, folded twice.
  std::size_t operator()(std::uint64_t value) const {
    return fold(fold(value ^ key_[0], key_[1]) ^ key_[2], key_[1]);
  }

 private:
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ typedef unsigned __int128 Wide;  // NOLINT(modernize-use-using)
    // Written so that g++ keeps both halves in registers.
    return a * b ^ static_cast<std::uint64_t>(static_cast<Wide>(a) * b >> 64U);
  }

  std::array<std::uint64_t, 3> key_{};
};

}  // namespace samepage::dedup
