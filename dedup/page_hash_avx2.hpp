// SPDX-License-Identifier: Apache-2.0
// page_hash.hpp for processors with AVX2: what is compiled for them has no other code in it, which could be
// called on one without.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samepage::dedup {

std::uint64_t hash_of_page_avx2(const std::byte* page, const std::byte* secret) noexcept;
void wide_hash_of_page_avx2(const std::byte* page, const std::byte* secret, std::uint64_t* low_high) noexcept;

}  // namespace samepage::dedup
