// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/frame_refs.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "base/process_memory.hpp"

namespace samepage::dedup {
namespace {

std::set<std::uint32_t> sharers_of(const FrameRefs& books, FrameId frame) {
  std::set<std::uint32_t> sharers;
  books.for_each_sharer(frame, [&](PageId page) { EXPECT_TRUE(sharers.insert(page.value).second); });
  return sharers;
}

TEST(FrameRefs, APagesDigestIsKept) {
  FrameRefs books;
  EXPECT_EQ(books.knowledge(PageId{4}), PageKnowledge::none);
  books.set_unshared(PageId{4}, {0xabc});
  EXPECT_EQ(books.knowledge(PageId{4}), PageKnowledge::unshared);
  EXPECT_EQ(books.digest(PageId{4}), Digest{0xabc});
}

TEST(FrameRefs, EverySharerIsKnownAndCounted) {
  FrameRefs books;
  const FrameId frame = *books.allocate({5}, {});
  for (const std::uint32_t page : {3U, 99U, 0U}) books.link(PageId{page}, frame, PageKnowledge::granted);
  EXPECT_EQ(books.references(frame), 3U);
  EXPECT_EQ(sharers_of(books, frame), (std::set<std::uint32_t>{0, 3, 99}));
  EXPECT_EQ(books.unlink(PageId{99}), 2U);
  EXPECT_EQ(sharers_of(books, frame), (std::set<std::uint32_t>{0, 3}));
  EXPECT_EQ(books.unlink(PageId{0}), 1U);
  EXPECT_EQ(books.unlink(PageId{3}), 0U);
  EXPECT_EQ(books.knowledge(PageId{3}), PageKnowledge::none);
}

TEST(FrameRefs, ListsMatchAModelAfterAnyOrderOfEvents) {
  std::mt19937 random(3);
  FrameRefs books;
  std::map<std::uint32_t, std::set<std::uint32_t>> model;
  for (std::uint32_t i = 0; i < 5; ++i) model[books.allocate({i}, {i})->value] = {};
  for (int step = 0; step < 20'000; ++step) {
    const PageId page{static_cast<std::uint32_t>(random() % 200)};
    if (books.knowledge(page) == PageKnowledge::none) {
      const FrameId frame{static_cast<std::uint32_t>(random() % 5)};
      books.link(page, frame, PageKnowledge::waiting);
      model[frame.value].insert(page.value);
    } else {
      const FrameId frame = books.frame(page);
      if (random() % 2 == 0) books.set_linked(page, PageKnowledge::merged);
      ASSERT_EQ(books.frame(page), frame);
      model[frame.value].erase(page.value);
      ASSERT_EQ(books.unlink(page), model[frame.value].size());
    }
  }
  for (const auto& [frame, sharers] : model) {
    EXPECT_EQ(sharers_of(books, FrameId{frame}), sharers);
    EXPECT_EQ(books.references(FrameId{frame}), sharers.size());
  }
}

TEST(FrameRefs, AFreedNumberIsUsedAgain) {
  FrameRefs books;
  const FrameId first = *books.allocate({1}, {});
  books.publish(first);
  EXPECT_EQ(books.state(first), FrameState::published);
  books.release(first);
  EXPECT_EQ(books.state(first), FrameState::free);
  EXPECT_EQ(books.allocate({2}, first), first);
  EXPECT_EQ(books.digest(first), Digest{2});
}

TEST(FrameRefs, APageCostsTwelveBytes) {
  FrameRefs books;
  EXPECT_LE(books.memory_bytes(1U << 16), (1U << 16) * 12U);
}

TEST(FrameRefs, BooksOfPagesThatNothingIsKnownOfCostNothing) {
  const std::uint64_t before = own_memory().pss_anon;
  FrameRefs books;
  for (std::uint32_t page = 0; page < 1U << 20; ++page) books.set_unshared(PageId{page}, {page});
  EXPECT_GE(own_memory().pss_anon, before + (8U << 20));
  for (std::uint32_t page = 0; page < 1U << 20; ++page) books.set_none(PageId{page});
  books.forget_pages(PageId{0}, 1U << 20);
  EXPECT_LT(own_memory().pss_anon, before + (1U << 20));
  EXPECT_EQ(books.knowledge(PageId{77}), PageKnowledge::none);
}

TEST(FrameRefs, NumbersStayBelowTheLimit) {
  FrameRefs books(3);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_LT(books.allocate({i}, FrameId{90})->value, 3U);
  EXPECT_FALSE(books.allocate({9}, {}));
}

TEST(FrameRefsDeathTest, AFrameInUseIsNeverReleased) {
  FrameRefs books;
  const FrameId frame = *books.allocate({1}, {});
  books.link(PageId{0}, frame, PageKnowledge::granted);
  EXPECT_DEATH(books.release(frame), "frame in use is released");
  EXPECT_DEATH(books.set_none(PageId{0}), "sharer of a frame is forgotten");
}

}  // namespace
}  // namespace samepage::dedup
