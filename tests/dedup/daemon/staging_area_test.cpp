// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/staging_area.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace samepage::dedup {
namespace {

class StagingAreaTest : public testing::Test {
 protected:
  void agent_writes(std::uint32_t slot, char value) {
    std::memset(agent_.data() + PageCount{slot}.bytes(), value, page_size);
  }

  StagingArea staging_{100'000};
  Mapping agent_ = Mapping::shared(staging_.fd(), StagingArea::max_bytes);
  std::array<std::byte, page_size> copy_{};
};

TEST_F(StagingAreaTest, ADonationIsTakenFromItsSlot) {
  staging_.request(PageIndex{99'999});
  const auto assigned = staging_.assign_slots();
  ASSERT_EQ(assigned.size(), 1U);
  agent_writes(assigned[0].slot, 'x');
  EXPECT_TRUE(staging_.take(assigned[0], copy_));
  EXPECT_EQ(copy_[page_size - 1], std::byte{'x'});
}

TEST_F(StagingAreaTest, WhatWasNotAskedForIsNotTaken) {
  staging_.request(PageIndex{1});
  const auto assigned = staging_.assign_slots();
  ASSERT_EQ(assigned.size(), 1U);
  EXPECT_FALSE(staging_.take({{2}, assigned[0].slot}, copy_)) << "another page";
  EXPECT_FALSE(staging_.take({{1}, (assigned[0].slot + 1) % StagingArea::slots}, copy_)) << "another slot";
  EXPECT_FALSE(staging_.take({{1}, StagingArea::slots}, copy_)) << "no slot";
  EXPECT_TRUE(staging_.take(assigned[0], copy_));
  EXPECT_FALSE(staging_.take(assigned[0], copy_)) << "twice";
}

TEST_F(StagingAreaTest, AskingTwiceIsAskingOnceUntilTheDonationComes) {
  staging_.request(PageIndex{1});
  staging_.request(PageIndex{1});
  const auto assigned = staging_.assign_slots();
  ASSERT_EQ(assigned.size(), 1U);
  staging_.request(PageIndex{1});
  EXPECT_TRUE(staging_.assign_slots().empty());
  EXPECT_TRUE(staging_.take(assigned[0], copy_));
  staging_.request(PageIndex{1});
  EXPECT_EQ(staging_.assign_slots().size(), 1U);
}

TEST_F(StagingAreaTest, MorePagesThanSlotsWaitForOne) {
  for (std::uint32_t page = 0; page < StagingArea::slots + 1; ++page) staging_.request(PageIndex{page});
  const auto first = staging_.assign_slots();
  EXPECT_EQ(first.size(), StagingArea::slots);
  EXPECT_TRUE(staging_.assign_slots().empty());
  EXPECT_TRUE(staging_.take(first[3], copy_));
  const auto next = staging_.assign_slots();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].slot, first[3].slot);
}

// An agent that is asked for a few pages at a time donates a few at a time, and so is asked for a few again.
TEST_F(StagingAreaTest, ManyPagesWaitUntilHalfOfTheSlotsAreFree) {
  for (std::uint32_t page = 0; page < 3 * StagingArea::slots; ++page) staging_.request(PageIndex{page});
  const auto first = staging_.assign_slots();
  ASSERT_EQ(first.size(), StagingArea::slots);
  for (std::uint32_t i = 0; i < StagingArea::slots / 2; ++i) {
    EXPECT_TRUE(staging_.assign_slots().empty()) << i;
    EXPECT_TRUE(staging_.take(first[i], copy_));
  }
  EXPECT_EQ(staging_.assign_slots().size(), StagingArea::slots / 2);
}

TEST_F(StagingAreaTest, ItCostsNothingWhileNobodyDonates) {
  staging_.request(PageIndex{1});
  staging_.request(PageIndex{2});
  const auto assigned = staging_.assign_slots();
  agent_writes(assigned[0].slot, 'x');
  EXPECT_GE(staging_.bytes(), page_size);
  EXPECT_TRUE(staging_.take(assigned[0], copy_));
  staging_.give_back_if_idle();
  EXPECT_GE(staging_.bytes(), page_size) << "a donation is awaited";
  EXPECT_TRUE(staging_.take(assigned[1], copy_));
  staging_.give_back_if_idle();
  EXPECT_EQ(staging_.bytes(), 0U);
}

}  // namespace
}  // namespace samepage::dedup
