// SPDX-License-Identifier: Apache-2.0
// What the merger decides about pages that are to go out, and where their slots come from.
#include <gtest/gtest.h>

#include <vector>

#include "dedup/daemon/merger.hpp"
#include "tests/dedup/daemon/merger_steps.hpp"
#include "tests/dedup/daemon/some_room.hpp"

namespace samepage::dedup {
namespace {

class MergerPaging : public testing::Test {
 protected:
  FrameId page_out(PageId page, Digest digest) {
    EXPECT_EQ(merger_.offer(page, digest, FirstSighting::pages_out), Outcome::done);
    const auto slot = merger_.donated(page, digest);
    EXPECT_TRUE(slot);
    if (slot) publish(merger_, *slot);
    EXPECT_EQ(merger_.answered(page, Answer::kept), Outcome::done);
    static_cast<void>(merger_.take_orders());
    return slot.value_or(FrameId{});
  }

  SomeRoom room_{3};
  Merger merger_{1000, {}, {}, nullptr, &room_};
  PageId a_ = merger_.add_guest(16);
  PageId b_ = merger_.add_guest(16);
};

TEST_F(MergerPaging, APageGoesOutAlone) {
  const FrameId slot = page_out(a_, {1});
  EXPECT_EQ(slot, slot_at(2, 0));
  EXPECT_EQ(merger_.counts().slots, 1U);
  EXPECT_EQ(merger_.counts().pages_paged, 1U);
  EXPECT_EQ(merger_.counts().pages_shared, 0U) << "no frame of the store";
  EXPECT_EQ(merger_.counts().pages_merged, 0U);
}

TEST_F(MergerPaging, APageThatWasOfferedGoesOutToo) {
  ASSERT_EQ(merger_.offer(a_, {1}), Outcome::done);
  EXPECT_EQ(merger_.counts().pages_unshared, 1U);
  page_out(a_, {1});
  EXPECT_EQ(merger_.counts().pages_unshared, 0U);
  EXPECT_EQ(room_.taken().size(), 1U);
}

TEST_F(MergerPaging, WhoeverHasTheSameMapsTheSlot) {
  const FrameId slot = page_out(a_, {1});
  ASSERT_EQ(merger_.offer(b_, {1}), Outcome::done);
  const MergerOrders orders = merger_.take_orders();
  ASSERT_EQ(orders.grants.size(), 1U);
  EXPECT_EQ(orders.grants[0].frame, slot);
  EXPECT_EQ(merger_.records().references(slot), 2U);
}

TEST_F(MergerPaging, TheSlotGoesWithItsLastPage) {
  page_out(a_, {1});
  ASSERT_EQ(merger_.broken(a_), Outcome::done);
  EXPECT_TRUE(room_.taken().empty());
  EXPECT_TRUE(merger_.take_orders().reaped.empty()) << "it is no memory of the store";
  EXPECT_EQ(merger_.counts(), SharingCounts{});
  EXPECT_EQ(merger_.records().slots_in_use(), 0U);
}

TEST_F(MergerPaging, ASlotThatGetsNoBytesGoes) {
  ASSERT_EQ(merger_.offer(a_, {1}, FirstSighting::pages_out), Outcome::done);
  EXPECT_EQ(room_.taken().size(), 1U);
  EXPECT_FALSE(merger_.donated(a_, {2})) << "it had changed";
  EXPECT_TRUE(room_.taken().empty());
  EXPECT_EQ(merger_.counts().pages_pending, 0U);
}

TEST_F(MergerPaging, WhereOneFileIsFullTheNextTakesItAndThenNone) {
  std::vector<FrameId> slots;
  for (std::uint32_t i = 0; i < 6; ++i) slots.push_back(page_out(a_ + i, {100 + i}));
  EXPECT_EQ(slots[2], slot_at(2, 2));
  EXPECT_EQ(slots[3], slot_at(5, 0));
  ASSERT_EQ(merger_.offer(a_ + 6, {200}, FirstSighting::pages_out), Outcome::done);
  EXPECT_TRUE(merger_.take_orders().donations.empty());
  EXPECT_EQ(merger_.counts().pages_unshared, 1U) << "it stays where it is";
  ASSERT_EQ(merger_.broken(a_ + 1), Outcome::done);
  EXPECT_EQ(page_out(a_ + 6, {200}), slot_at(2, 1)) << "a hole is used again";
}

TEST_F(MergerPaging, ASlotOfAFileThatIsLeftIsGrantedToNobodyElse) {
  const FrameId left = page_out(a_, {7});
  room_.leave(paging_file_of(left));
  const FrameId other = page_out(b_, {7});
  EXPECT_NE(paging_file_of(other), paging_file_of(left));
  EXPECT_EQ(merger_.broken(a_), Outcome::done);
  EXPECT_EQ(room_.taken(), std::set{other});
  // The content is known by its other slot from now on.
  EXPECT_EQ(merger_.offer(a_, {7}), Outcome::done);
  const auto orders = merger_.take_orders();
  ASSERT_EQ(orders.grants.size(), 1U);
  EXPECT_EQ(orders.grants[0].frame, other);
}

TEST_F(MergerPaging, AGuestThatGoesLeavesItsSlots) {
  for (std::uint32_t i = 0; i < 5; ++i) page_out(a_ + i, {100 + i});
  Turn whole(Turn::endless);
  std::uint32_t at = 0;
  ASSERT_TRUE(merger_.remove_guest(a_, 16, at, whole));
  EXPECT_TRUE(room_.taken().empty());
  EXPECT_EQ(merger_.counts(), SharingCounts{});
}

}  // namespace
}  // namespace samepage::dedup
