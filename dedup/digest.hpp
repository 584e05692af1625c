// SPDX-License-Identifier: Apache-2.0
// A page's digest: a hint that two pages may be equal, never a proof. Every merge compares all the bytes.
//
// 60 bits of XXH3: with 2^28 distinct pages (1 TiB) in a domain the chance of any two colliding is 3 %, and a
// collision costs one failed comparison, while short digests let the daemon keep a page in twelve bytes.
// The secret is random for each domain and never leaves the agents and the daemon, so that a guest cannot aim
// pages at one place of the index.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace samepage::dedup {

struct Digest {
  static constexpr unsigned bits = 60;
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Digest, Digest) = default;
};

/// What a domain's digests depend on besides the page. 192 random bytes, XXH3's own size of a secret.
using DigestSecret = std::array<std::byte, 192>;

/// A secret from the kernel's random numbers. Throws std::system_error.
DigestSecret random_digest_secret();

/// The digest of the page_size bytes at `page`. They may change meanwhile: then it is some digest.
Digest digest_of_page(const std::byte* page, const DigestSecret& secret);

/// True when all page_size bytes at `page` are zero. Returns at the first that is not.
bool is_zero_page(const std::byte* page);

/// False when the page is not zero; true when it may well be. Reads an eighth of its cache lines.
bool looks_zero(const std::byte* page);

}  // namespace samepage::dedup
