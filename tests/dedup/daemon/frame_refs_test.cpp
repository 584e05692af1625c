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

std::set<std::uint32_t> sharers_of(const FrameRefs& records, FrameId frame) {
  std::set<std::uint32_t> sharers;
  records.for_each_sharer(frame, [&](PageId page) { EXPECT_TRUE(sharers.insert(page.value).second); });
  return sharers;
}

TEST(FrameRefs, APagesDigestIsKept) {
  FrameRefs records;
  records.make_room(1U << 20);
  EXPECT_EQ(records.state(PageId{4}), SharingState::none);
  records.set_unshared(PageId{4}, {0xabc});
  EXPECT_EQ(records.state(PageId{4}), SharingState::unshared);
  EXPECT_EQ(records.digest(PageId{4}), Digest{0xabc});
}

TEST(FrameRefs, EverySharerIsKnownAndCounted) {
  FrameRefs records;
  records.make_room(1U << 20);
  const FrameId frame = *records.allocate({5}, {});
  for (const std::uint32_t page : {3U, 99U, 0U}) records.link(PageId{page}, frame, SharingState::granted);
  EXPECT_EQ(records.references(frame), 3U);
  EXPECT_EQ(sharers_of(records, frame), (std::set<std::uint32_t>{0, 3, 99}));
  EXPECT_EQ(records.unlink(PageId{99}), 2U);
  EXPECT_EQ(sharers_of(records, frame), (std::set<std::uint32_t>{0, 3}));
  EXPECT_EQ(records.unlink(PageId{0}), 1U);
  EXPECT_EQ(records.unlink(PageId{3}), 0U);
  EXPECT_EQ(records.state(PageId{3}), SharingState::none);
}

TEST(FrameRefs, ListsMatchAModelAfterAnyOrderOfEvents) {
  std::mt19937 random(3);
  FrameRefs records;
  records.make_room(1U << 20);
  std::map<std::uint32_t, std::set<std::uint32_t>> model;
  for (std::uint32_t i = 0; i < 5; ++i) model[records.allocate({i}, {i})->value] = {};
  for (int step = 0; step < 20'000; ++step) {
    const PageId page{static_cast<std::uint32_t>(random() % 200)};
    if (records.state(page) == SharingState::none) {
      const FrameId frame{static_cast<std::uint32_t>(random() % 5)};
      records.link(page, frame, SharingState::waiting);
      model[frame.value].insert(page.value);
    } else {
      const FrameId frame = records.frame(page);
      if (random() % 2 == 0) records.set_linked(page, SharingState::merged);
      ASSERT_EQ(records.frame(page), frame);
      model[frame.value].erase(page.value);
      ASSERT_EQ(records.unlink(page), model[frame.value].size());
    }
  }
  for (const auto& [frame, sharers] : model) {
    EXPECT_EQ(sharers_of(records, FrameId{frame}), sharers);
    EXPECT_EQ(records.references(FrameId{frame}), sharers.size());
  }
}

TEST(FrameRefs, AFreedNumberIsUsedAgain) {
  FrameRefs records;
  records.make_room(1U << 20);
  const FrameId first = *records.allocate({1}, {});
  records.publish(first);
  EXPECT_EQ(records.state(first), FrameState::published);
  records.release(first);
  EXPECT_EQ(records.state(first), FrameState::free);
  EXPECT_EQ(records.allocate({2}, first), first);
  EXPECT_EQ(records.digest(first), Digest{2});
}

TEST(FrameRefs, APageCostsTwelveBytes) {
  FrameRefs records;
  records.make_room(1U << 16);
  for (std::uint32_t page = 0; page < 1U << 16; ++page) {
    ASSERT_TRUE(records.admit(PageId{page}));
    records.set_unshared(PageId{page}, {page});
  }
  EXPECT_LE(records.memory_bytes(), (1U << 16) * 12U);
}

TEST(FrameRefs, RecordsTakeAddressSpaceForThePagesThatThereAre) {
  const auto address_space = [] {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * page_size;
  };
  const std::uint64_t before = address_space();
  FrameRefs records;
  records.make_room(4096);
  EXPECT_LT(address_space(), before + (1U << 20));
  records.make_room(1U << 20);
  EXPECT_LT(address_space(), before + (32U << 20));
  records.give_back_room(0);
  EXPECT_LT(address_space(), before + (1U << 20));
}

TEST(FrameRefs, PagesWithoutRecordsAreSkipped) {
  FrameRefs records;
  constexpr PageId start{0}, end{1U << 24}, known = end - 3;
  records.make_room(end.value);
  records.set_unshared(known, {1});
  Turn turn(1000);  // 64 GiB of pages
  EXPECT_EQ(records.next_recorded(start, end, turn), known);
  EXPECT_FALSE(turn.over());
  EXPECT_EQ(records.next_recorded(known + 1, end, turn), end);
  records.set_none(known);
  Turn another(1000);
  EXPECT_EQ(records.next_recorded(start, end, another), end);
  Turn short_turn(5);
  EXPECT_LT(records.next_recorded(start, end, short_turn), end);
  EXPECT_TRUE(short_turn.over());
}

TEST(FrameRefs, PagesThatWaitedAreAListOfTheirOwn) {
  FrameRefs records;
  records.make_room(16);
  const FrameId frame = *records.allocate({5}, {});
  for (std::uint32_t page = 0; page < 5; ++page) records.link(PageId{page}, frame, SharingState::waiting);
  records.publish(frame);
  EXPECT_EQ(records.references(frame), 5U);
  records.link(PageId{9}, frame, SharingState::granted);
  std::set<std::uint32_t> waited;
  records.unlink(PageId{2});
  records.unlink(*records.next_waiting(frame));  // its head
  while (const auto page = records.next_waiting(frame)) {
    waited.insert(page->value);
    records.unlink(*page);
    records.link(*page, frame, SharingState::granted);
  }
  EXPECT_EQ(waited.size(), 3U);
  waited.insert(9);
  EXPECT_EQ(sharers_of(records, frame), waited);
  EXPECT_EQ(records.references(frame), 4U);
}

TEST(FrameRefs, PagesWithoutRecordsCostNothing) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer's own memory is counted too";
#endif
  const std::uint64_t before = own_memory().pss_anon;
  FrameRefs records;
  records.make_room(1U << 20);
  for (std::uint32_t page = 0; page < 1U << 20; ++page) records.set_unshared(PageId{page}, {page});
  EXPECT_GE(own_memory().pss_anon, before + (8U << 20));
  for (std::uint32_t page = 0; page < 1U << 20; ++page) records.set_none(PageId{page});
  records.forget_pages(PageId{0}, 1U << 20);
  EXPECT_LT(own_memory().pss_anon, before + (1U << 20));
  EXPECT_EQ(records.state(PageId{77}), SharingState::none);
}

TEST(FrameRefs, NumbersStayBelowTheLimit) {
  FrameRefs records(3);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_LT(records.allocate({i}, FrameId{90})->value, 3U);
  EXPECT_FALSE(records.allocate({9}, {}));
}

TEST(FrameRefsDeathTest, AFrameInUseIsNeverReleased) {
  FrameRefs records;
  records.make_room(1U << 20);
  const FrameId frame = *records.allocate({1}, {});
  records.link(PageId{0}, frame, SharingState::granted);
  EXPECT_DEATH(records.release(frame), "frame in use is released");
  EXPECT_DEATH(records.set_none(PageId{0}), "sharer of a frame is forgotten");
}

}  // namespace
}  // namespace samepage::dedup
