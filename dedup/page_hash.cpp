// SPDX-License-Identifier: Apache-2.0
#include "dedup/page_hash.hpp"

#include <xxhash.h>

#include "base/types.hpp"
#include "dedup/page_hash_avx2.hpp"

namespace samepage::dedup {
namespace {

const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;

}  // namespace

std::uint64_t hash_of_page(const std::byte* page, const std::byte* secret) {
  if (has_avx2) return hash_of_page_avx2(page, secret);
  return XXH3_64bits_withSecret(page, page_size, secret, page_hash_secret_bytes);
}

WideHash wide_hash_of_page(const std::byte* page, const std::byte* secret) {
  if (has_avx2) {
    std::uint64_t low_high[2];
    wide_hash_of_page_avx2(page, secret, low_high);
    return {low_high[0], low_high[1]};
  }
  const XXH128_hash_t hash = XXH3_128bits_withSecret(page, page_size, secret, page_hash_secret_bytes);
  return {hash.low64, hash.high64};
}

}  // namespace samepage::dedup
