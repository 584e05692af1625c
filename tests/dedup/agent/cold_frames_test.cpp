// SPDX-License-Identifier: Apache-2.0
// Which frames an agent finds unused, on memory that is mapped from a store. The test is the clock.
#include "dedup/agent/cold_frames.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <vector>

#include "base/mapping.hpp"
#include "dedup/agent/bulk_remapper.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "tests/dedup/agent/nothing_runs.hpp"

namespace samepage::dedup {
namespace {

using Clock = ColdFrames::Clock;
using Ranges = std::vector<PageRange>;

class ColdFramesTest : public testing::Test {
 protected:
  static constexpr std::uint32_t range = Coldness::range_pages;
  static constexpr std::uint32_t count = 4 * range;

  // All but the last range is merged with the store, and was not used since.
  ColdFramesTest() {
    ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
    for (std::uint32_t page = 0; page < count; ++page) {
      std::memset(bytes(page), static_cast<int>(1 + page % 250), page_size);
      store_.write({page}, {bytes(page), page_size});
    }
    static_cast<void>(remapper_.merge(files_, {wire::Grant{{0}, {0}, count - range}}));
  }
  std::byte* bytes(std::uint32_t page) { return memory_.data() + page * page_size; }
  void read(std::uint32_t page) { EXPECT_EQ(*bytes(page), static_cast<std::byte>(1 + page % 250)); }
  ColdFrames::Step next() {
    ColdFrames::Step step = frames_.next(now_);
    remapper_.map_again(files_.store(), step.used, pagemap_);
    return step;
  }
  void wait(Clock::duration time) { now_ += time; }
  ColdFrames::Step second_look() {
    next();
    wait(ColdFrames::interval);
    return next();
  }
  static constexpr auto everything = std::uint64_t{count};
  static constexpr auto unused = ColdFrames::Which::unused;

  Mapping memory_ = Mapping::anonymous(count * page_size);
  FrameStore store_;
  GuestPages pages_{{{Gfn{0}, PageCount{count}, memory_.data()}}};
  PageStates states_{count};
  Pagemap pagemap_;
  NothingRuns barrier_;
  std::unique_ptr<Tracker> tracker_ = make_tracker(TrackerKind::rehash, pages_, states_, pagemap_);
  MappingBudget budget_{[] { return std::uint64_t{10'000}; }, [] { return std::uint64_t{0}; }};
  Shortages shortages_;
  MappingShortage shortage_{shortages_};
  BulkRemapper remapper_{pages_, states_, *tracker_, barrier_, budget_, shortage_};
  FrameFiles files_{store_.open_read_only()};
  Coldness coldness_{count};
  ColdFrames frames_{pages_, states_, pagemap_, coldness_};
  Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(ColdFramesTest, NothingIsLookedAtWhileNobodyAsks) {
  EXPECT_FALSE(frames_.due());
  EXPECT_TRUE(next().cold.empty());
}

TEST_F(ColdFramesTest, WhatWasNotUsedBetweenTwoLooksIsCold) {
  constexpr std::uint32_t used = range + range / 2;  // its neighbours are in this range wherever memory lies
  frames_.want(everything, unused, now_);
  EXPECT_TRUE(next().cold.empty()) << "it may have been mapped a moment ago";
  EXPECT_TRUE(next().cold.empty()) << "too soon";
  EXPECT_EQ(frames_.due(), now_ + ColdFrames::interval);
  read(used);
  wait(ColdFrames::interval);
  const ColdFrames::Step step = next();
  std::uint32_t cold = 0;
  for (const PageRange& found : step.cold) {
    EXPECT_FALSE(found.contains({used}));
    cold += found.count;
  }
  EXPECT_GE(cold, 3 * range - 16) << "the kernel enters fifteen neighbours";
  EXPECT_LE(cold, 3 * range - 1);
  EXPECT_EQ(step.used, (Ranges{{{range}, range}}));
}

TEST_F(ColdFramesTest, WhatWasUsedOnceHasAnotherChanceToBeLeft) {
  for (std::uint32_t page = 0; page < 3 * range; ++page) read(page);
  frames_.want(everything, unused, now_);
  EXPECT_EQ(next().used, (Ranges{{{0}, 3 * range}}));
  wait(ColdFrames::interval);
  EXPECT_EQ(next().cold, (Ranges{{{0}, 3 * range}}));
}

TEST_F(ColdFramesTest, WhatIsUsedAllTheTimeIsNeverColdAndLookedAtLessAndLess) {
  Clock::time_point last = now_;
  for (int look = 0; look < 10; ++look) {
    frames_.want(everything, unused, now_);
    now_ = frames_.due().value();
    if (look > 1) {
      EXPECT_EQ(now_ - last,
                std::min(ColdFrames::interval * (1 << (look - 1)), ColdFrames::longest_interval));
    }
    last = now_;
    frames_.want(everything, unused, now_);
    for (std::uint32_t page = 0; page < 3 * range; ++page) read(page);
    const ColdFrames::Step step = next();
    EXPECT_TRUE(step.cold.empty());
    EXPECT_FALSE(step.used.empty());
  }
}

TEST_F(ColdFramesTest, AWrittenPageSurvivesThatItsNeighboursAreMappedOnceMore) {
  for (std::uint32_t page = 0; page < 3 * range; ++page) read(page);
  *bytes(7) = std::byte{255};  // nobody has noticed yet
  frames_.want(everything, unused, now_);
  next();
  EXPECT_EQ(*bytes(7), std::byte{255});
  read(6);
  read(8);
}

TEST_F(ColdFramesTest, AGuestThatStandsStillUsesNothing) {
  for (std::uint32_t page = 0; page < 3 * range; ++page) read(page);
  frames_.stands_still();
  frames_.want(everything, unused, now_);
  EXPECT_EQ(next().cold, (Ranges{{{0}, 3 * range}}));
  wait(10 * ColdFrames::lasting);
  EXPECT_FALSE(frames_.due());
  EXPECT_FALSE(next().warm) << "it still stands";
  frames_.goes_on(now_);
  EXPECT_TRUE(next().warm);
  EXPECT_FALSE(next().warm) << "it was said";
}

TEST_F(ColdFramesTest, WhatWasSaidStandsForAWhile) {
  frames_.want(everything, ColdFrames::Which::all, now_);
  EXPECT_FALSE(next().cold.empty());
  wait(ColdFrames::lasting / 2);
  EXPECT_FALSE(next().warm);
  frames_.want(everything, unused, now_);
  wait(ColdFrames::lasting * 2 / 3);
  EXPECT_FALSE(next().warm) << "there was another demand";
  frames_.not_wanted(now_);
  EXPECT_TRUE(next().warm);
  EXPECT_FALSE(frames_.due());
}

TEST_F(ColdFramesTest, ADaemonThatIsJoinedHearsItOnlyOfAGuestThatStandsStill) {
  frames_.want(everything, ColdFrames::Which::all, now_);
  next();
  frames_.joined(now_);
  EXPECT_FALSE(frames_.due()) << "nothing that it knows";
  frames_.stands_still();
  frames_.joined(now_);
  EXPECT_FALSE(next().cold.empty());
}

TEST_F(ColdFramesTest, NoMoreThanIsWantedAndTheColdestFirst) {
  for (int pass = 0; pass < 5; ++pass) {
    coldness_.next_pass();
    if (pass < 4) coldness_.written({0});
    if (pass < 3) coldness_.written({range});
  }
  frames_.want(2 * range, unused, now_);
  EXPECT_EQ(second_look().cold, (Ranges{{{range}, 2 * range}}));
}

TEST_F(ColdFramesTest, WhatCameBackLatelyIsLeftAlone) {
  coldness_.came_back({range});
  frames_.want(everything, unused, now_);
  EXPECT_EQ(second_look().cold, (Ranges{{{0}, range}, {{2 * range}, range}}));
}

}  // namespace
}  // namespace samepage::dedup
