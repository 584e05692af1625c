// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/digest_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace samepage::dedup {
namespace {

// The digests that the index asks for: page n has the n-th, frame n the n-th of another list.
struct Digests {
  std::map<std::uint32_t, Digest> pages, frames;
  Digest of(Sighting seen) const {
    return seen.is_frame() ? frames.at(seen.frame().value) : pages.at(seen.page().value);
  }
};
struct DigestOf {
  const Digests* digests;
  Digest operator()(Sighting seen) const { return digests->of(seen); }
};

TEST(Index, FindsWhatWasInserted) {
  Digests digests;
  DigestIndex index{DigestOf{&digests}};
  digests.pages[3] = {42};
  EXPECT_FALSE(index.find({42}));
  index.make_room();
  index.insert({42}, Sighting::of(PageId{3}));
  ASSERT_TRUE(index.find({42}));
  EXPECT_EQ(index.find({42})->page(), PageId{3});
  EXPECT_FALSE(index.find({42 + 1024}));  // the same home, another digest
}

TEST(Index, APageIsReplacedByAFrame) {
  Digests digests;
  DigestIndex index{DigestOf{&digests}};
  digests.pages[3] = {42};
  digests.frames[3] = {42};
  index.make_room();
  index.insert({42}, Sighting::of(PageId{3}));
  index.replace({42}, Sighting::of(PageId{3}), Sighting::of(FrameId{3}));
  ASSERT_TRUE(index.find({42}));
  EXPECT_TRUE(index.find({42})->is_frame());
}

TEST(Index, BehavesLikeAMap) {
  std::mt19937 random(2);
  Digests digests;
  DigestIndex index{DigestOf{&digests}};
  std::map<Digest, std::uint32_t> model;
  std::uint32_t next = 0;
  // Digests of few homes, so that probe sequences run into each other, and across the table's end.
  const auto some_digest = [&] { return Digest{(random() % 40 + 1000) % 1024 + (random() % 64) * 4096}; };
  for (int step = 0; step < 50'000; ++step) {
    const Digest digest = some_digest();
    if (const auto found = model.find(digest); found == model.end()) {
      ASSERT_FALSE(index.find(digest));
      digests.pages[next] = digest;
      index.make_room();
      index.insert(digest, Sighting::of(PageId{next}));
      model[digest] = next++;
    } else {
      ASSERT_TRUE(index.find(digest));
      ASSERT_EQ(index.find(digest)->page().value, found->second);
      index.erase(digest, Sighting::of(PageId{found->second}));
      digests.pages.erase(found->second);
      model.erase(found);
    }
    ASSERT_EQ(index.size(), model.size());
  }
  for (const auto& [digest, page] : model) ASSERT_EQ(index.find(digest)->page().value, page);
}

TEST(Index, GrowsAndShrinks) {
  Digests digests;
  DigestIndex index{DigestOf{&digests}};
  const std::uint64_t small = index.memory_bytes();
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    digests.pages[i] = {i * std::uint64_t{0x9e3779b97f4a7c15} >> 4};
    index.make_room();
    index.insert(digests.pages[i], Sighting::of(PageId{i}));
  }
  EXPECT_LE(index.memory_bytes(), 100'000U * 4 * 4);
  for (std::uint32_t i = 0; i < 100'000; ++i) index.erase(digests.pages[i], Sighting::of(PageId{i}));
  for (std::uint32_t i = 0; i < 1000; ++i) {  // what is still to be moved
    index.make_room();
    index.insert(digests.pages[i], Sighting::of(PageId{i}));
    index.erase(digests.pages[i], Sighting::of(PageId{i}));
  }
  EXPECT_EQ(index.memory_bytes(), small);
}

// A table that grows moves all of its entries: not while somebody waits for one insertion.
TEST(Index, NoInsertionMovesTheWholeTable) {
  Digests digests;
  DigestIndex index{DigestOf{&digests}};
  std::uint64_t most = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    digests.pages[i] = {i};
    const std::uint64_t before = index.probes();
    index.make_room();
    index.insert(digests.pages[i], Sighting::of(PageId{i}));
    most = std::max(most, index.probes() - before);
  }
  EXPECT_LT(most, 5000U);
}

}  // namespace
}  // namespace samepage::dedup
