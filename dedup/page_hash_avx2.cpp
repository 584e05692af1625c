// SPDX-License-Identifier: Apache-2.0
// Compiled with -mavx2: nothing may be included here that leaves inline functions to the linker.
#include "dedup/page_hash_avx2.hpp"

#define XXH_INLINE_ALL  // all of it static, for the vectors of this file's options
#include <xxhash.h>

namespace samepage::dedup {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t secret_bytes = 192;

}  // namespace

std::uint64_t hash_of_page_avx2(const std::byte* page, const std::byte* secret) noexcept {
  return XXH3_64bits_withSecret(page, page_bytes, secret, secret_bytes);
}

void wide_hash_of_page_avx2(const std::byte* page, const std::byte* secret,
                            std::uint64_t* low_high) noexcept {
  const XXH128_hash_t hash = XXH3_128bits_withSecret(page, page_bytes, secret, secret_bytes);
  low_high[0] = hash.low64;
  low_high[1] = hash.high64;
}

}  // namespace samepage::dedup
