// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_out_demand.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr PageCount own{pages_in(100 * mib)};

TEST(PageOutDemandTest, NothingGoesOutWhileThereIsRoom) {
  const PageOutDemand demand = page_out_demand({300 * mib, 1024 * mib}, own);
  EXPECT_EQ(demand.pages, 0U);
  EXPECT_FALSE(demand.brake);
}

TEST(PageOutDemandTest, ItIsLookedAtTheSoonerTheLessRoomThereIs) {
  EXPECT_GT(page_out_demand({900 * mib, 1024 * mib}, own).look_again,
            page_out_demand({300 * mib, 1024 * mib}, own).look_again);
  EXPECT_LE(page_out_demand({100'000 * mib, 200'000 * mib}, own).look_again, std::chrono::seconds(1));
}

TEST(PageOutDemandTest, GuestsTogetherAskForWhatIsMissing) {
  // 768 MiB are in use, by three guests alike: 192 MiB are missing to half as much again as low water.
  const PageOutDemand demand = page_out_demand({192 * mib, 1024 * mib}, {pages_in(832 * mib / 4)});
  EXPECT_NEAR(static_cast<double>(PageCount{demand.pages}.bytes()) / mib, 192.0 / 4, 1.0);
  EXPECT_FALSE(demand.brake);
}

TEST(PageOutDemandTest, NoMoreThanThereIs) {
  EXPECT_LE(page_out_demand({0, 1024 * mib}, {3}).pages, 3U);
  EXPECT_EQ(page_out_demand({0, 0}, {0}).pages, 0U);
}

TEST(PageOutDemandTest, WhereHardlyAnyIsLeftTheGuestStandsStill) {
  EXPECT_TRUE(page_out_demand({100 * mib, 1024 * mib}, own).brake);
}

TEST(PageOutDemandTest, WhereGuestsWaitForPageCacheALittleGoesOut) {
  // Half of the limit is page cache that is read again and again.
  const MemoryRoom room{512 * mib, 1024 * mib, 10 * mib};
  EXPECT_EQ(page_out_demand(room, own, 0.09).pages, 0U);
  const PageOutDemand demand = page_out_demand(room, own, 0.1);
  EXPECT_GT(demand.pages, 0U);
  EXPECT_LT(PageCount{demand.pages}.bytes(), low_water(room) / 8);
  EXPECT_FALSE(demand.brake) << "what guests write is not what they wait for";
  EXPECT_LE(demand.look_again, std::chrono::seconds(1));
}

TEST(PageOutDemandTest, WaitingWithUnusedMemoryIsNotForPageCache) {
  EXPECT_EQ(page_out_demand({512 * mib, 1024 * mib, 300 * mib}, own, 0.9).pages, 0U);
}

TEST(PageOutDemandTest, BelowLowWaterWaitingChangesNothing) {
  const MemoryRoom room{100 * mib, 1024 * mib, 10 * mib};
  EXPECT_EQ(page_out_demand(room, own, 0.9).pages, page_out_demand(room, own, 0).pages);
  EXPECT_TRUE(page_out_demand(room, own, 0.9).brake);
}

TEST(PageOutDemandTest, ASmallLimitHasMoreLowWater) {
  EXPECT_EQ(low_water({0, 200 * mib}), 64 * mib);
  EXPECT_EQ(low_water({0, 48 * mib}), 24 * mib);
}

TEST(PageOutDemandTest, LowWaterOfALargeHostIsNotAQuarterOfIt) {
  EXPECT_EQ(low_water({0, 100'000 * mib}), 1024 * mib);
  EXPECT_EQ(low_water({0, 1024 * mib}), 256 * mib);
}

}  // namespace
}  // namespace samepage::dedup
