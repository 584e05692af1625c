// SPDX-License-Identifier: Apache-2.0
// XXH3 of a page with the widest vectors that the processor has. The result does not depend on them. The
// library's archive has SSE2 alone, which takes three times as long as AVX2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace samepage::dedup {

/// As many secret bytes as XXH3 itself has.
inline constexpr std::size_t page_hash_secret_bytes = 192;

/// 128 bits of hash: of 2^28 distinct pages (1 TiB) any two are alike with a probability of 10^-22.
struct WideHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend constexpr bool operator==(const WideHash&, const WideHash&) = default;
};

/// Of the page_size bytes at `page`. They may change meanwhile: then it is some hash. `secret` has
/// page_hash_secret_bytes.
std::uint64_t hash_of_page(const std::byte* page, const std::byte* secret);
WideHash wide_hash_of_page(const std::byte* page, const std::byte* secret);

}  // namespace samepage::dedup
