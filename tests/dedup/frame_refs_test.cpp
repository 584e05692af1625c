// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/frame_refs.hpp"

#include <gtest/gtest.h>

#include <fstream>
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
  books.make_room(1U << 20);
  EXPECT_EQ(books.knowledge(PageId{4}), PageKnowledge::none);
  books.set_unshared(PageId{4}, {0xabc});
  EXPECT_EQ(books.knowledge(PageId{4}), PageKnowledge::unshared);
  EXPECT_EQ(books.digest(PageId{4}), Digest{0xabc});
}

TEST(FrameRefs, EverySharerIsKnownAndCounted) {
  FrameRefs books;
  books.make_room(1U << 20);
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
  books.make_room(1U << 20);
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
  books.make_room(1U << 20);
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
  books.make_room(1U << 16);
  for (std::uint32_t page = 0; page < 1U << 16; ++page) {
    ASSERT_TRUE(books.admit(PageId{page}));
    books.set_unshared(PageId{page}, {page});
  }
  EXPECT_LE(books.memory_bytes(), (1U << 16) * 12U);
}

TEST(FrameRefs, BooksTakeAddressSpaceForThePagesThatThereAre) {
  const auto address_space = [] {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * page_size;
  };
  const std::uint64_t before = address_space();
  FrameRefs books;
  books.make_room(4096);
  EXPECT_LT(address_space(), before + (1U << 20));
  books.make_room(1U << 20);
  EXPECT_LT(address_space(), before + (32U << 20));
  books.give_back_room(0);
  EXPECT_LT(address_space(), before + (1U << 20));
}

TEST(FrameRefs, WhatIsUnknownIsPassedOver) {
  FrameRefs books;
  constexpr std::uint32_t pages = 1U << 24, known = pages - 3;
  books.make_room(pages);
  books.set_unshared(PageId{known}, {1});
  Turn turn(1000);  // 64 GiB of pages
  EXPECT_EQ(books.next_known(0, pages, turn), known);
  EXPECT_FALSE(turn.over());
  EXPECT_EQ(books.next_known(known + 1, pages, turn), pages);
  books.set_none(PageId{known});
  Turn another(1000);
  EXPECT_EQ(books.next_known(0, pages, another), pages);
  Turn short_turn(5);
  EXPECT_LT(books.next_known(0, pages, short_turn), pages);
  EXPECT_TRUE(short_turn.over());
}

TEST(FrameRefs, PagesThatWaitedAreAListOfTheirOwn) {
  FrameRefs books;
  books.make_room(16);
  const FrameId frame = *books.allocate({5}, {});
  for (std::uint32_t page = 0; page < 5; ++page) books.link(PageId{page}, frame, PageKnowledge::waiting);
  books.publish(frame);
  EXPECT_EQ(books.references(frame), 5U);
  books.link(PageId{9}, frame, PageKnowledge::granted);
  std::set<std::uint32_t> waited;
  books.unlink(PageId{2});
  books.unlink(*books.next_waiting(frame));  // its head
  while (const auto page = books.next_waiting(frame)) {
    waited.insert(page->value);
    books.unlink(*page);
    books.link(*page, frame, PageKnowledge::granted);
  }
  EXPECT_EQ(waited.size(), 3U);
  waited.insert(9);
  EXPECT_EQ(sharers_of(books, frame), waited);
  EXPECT_EQ(books.references(frame), 4U);
}

TEST(FrameRefs, BooksOfPagesThatNothingIsKnownOfCostNothing) {
  const std::uint64_t before = own_memory().pss_anon;
  FrameRefs books;
  books.make_room(1U << 20);
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
  books.make_room(1U << 20);
  const FrameId frame = *books.allocate({1}, {});
  books.link(PageId{0}, frame, PageKnowledge::granted);
  EXPECT_DEATH(books.release(frame), "frame in use is released");
  EXPECT_DEATH(books.set_none(PageId{0}), "sharer of a frame is forgotten");
}

}  // namespace
}  // namespace samepage::dedup
