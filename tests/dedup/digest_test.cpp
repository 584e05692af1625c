// SPDX-License-Identifier: Apache-2.0
#include "dedup/digest.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <random>
#include <set>
#include <vector>

#include "base/types.hpp"
#include "dedup/page_hash.hpp"

namespace samepage::dedup {
namespace {

TEST(Digest, EqualPagesHaveEqualDigestsAndOneBitMakesAnother) {
  const DigestSecret secret = random_digest_secret();
  std::vector<std::byte> page(page_size);
  std::set<Digest> seen{digest_of_page(page.data(), secret)};
  EXPECT_EQ(digest_of_page(page.data(), secret), *seen.begin());
  for (std::size_t at = 0; at < page_size; ++at) {
    page[at] = std::byte{0x10};
    EXPECT_TRUE(seen.insert(digest_of_page(page.data(), secret)).second) << at;
    page[at] = std::byte{0};
  }
}

TEST(Digest, AnotherDomainsSecretMakesOtherDigests) {
  const std::vector<std::byte> page(page_size, std::byte{7});
  EXPECT_NE(digest_of_page(page.data(), random_digest_secret()),
            digest_of_page(page.data(), random_digest_secret()));
}

TEST(Digest, IsOfSixtyBits) {
  const DigestSecret secret = random_digest_secret();
  std::vector<std::byte> page(page_size);
  std::uint64_t bits = 0;
  for (int i = 0; i < 256; ++i) {
    page[0] = static_cast<std::byte>(i);
    bits |= digest_of_page(page.data(), secret).value;
  }
  EXPECT_EQ(bits, (std::uint64_t{1} << 60) - 1);
}

TEST(PageHash, DoesNotDependOnTheVectorsOfTheProcessor) {
  const DigestSecret secret = random_digest_secret();
  std::mt19937_64 random(3);
  std::vector<std::byte> page(page_size);
  for (int round = 0; round < 100; ++round) {
    for (std::byte& byte : page) byte = static_cast<std::byte>(random());
    EXPECT_EQ(hash_of_page(page.data(), secret.data()),
              XXH3_64bits_withSecret(page.data(), page_size, secret.data(), secret.size()));
    const XXH128_hash_t wide = XXH3_128bits_withSecret(page.data(), page_size, secret.data(), secret.size());
    EXPECT_EQ(wide_hash_of_page(page.data(), secret.data()), (WideHash{wide.low64, wide.high64}));
  }
}

TEST(ZeroPage, AnyByteCounts) {
  std::vector<std::byte> page(page_size);
  EXPECT_TRUE(is_zero_page(page.data()));
  for (std::size_t at = 0; at < page_size; ++at) {
    page[at] = std::byte{1};
    EXPECT_FALSE(is_zero_page(page.data())) << at;
    page[at] = std::byte{0};
  }
}

}  // namespace
}  // namespace samepage::dedup
