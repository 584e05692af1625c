// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/break_guard.hpp"

#include <gtest/gtest.h>

#include "dedup/guard_marks.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;
using wire::GuardOrder;
using wire::Taking;

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
constexpr GuardMarks marks{64 * mib};
constexpr std::uint64_t here = 1, elsewhere = 2;

class BreakGuardTest : public testing::Test {
 protected:
  // A second has passed since anything was ordered.
  std::vector<BreakGuard::Order> tells(std::uint64_t guest, Taking taking, std::uint64_t available,
                                       std::uint64_t rate, std::uint64_t place = here,
                                       std::uint64_t may_take = 0) {
    now_ += milliseconds(1000) / 4;
    return guard_.tells(guest, {available, marks.low, place, rate, taking}, may_take, now_);
  }
  static void expect(const std::vector<BreakGuard::Order>& orders, std::uint64_t guest, GuardOrder order) {
    ASSERT_EQ(orders.size(), 1U);
    EXPECT_EQ(orders[0].guest, guest);
    EXPECT_EQ(orders[0].order, order);
  }

  BreakGuard guard_;
  BreakGuard::Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(BreakGuardTest, NobodyIsOrderedAnythingWhileThereIsEnough) {
  for (std::uint64_t guest = 1; guest <= 3; ++guest)
    EXPECT_TRUE(tells(guest, Taking::more, marks.low, guest * 100).empty());
}

TEST_F(BreakGuardTest, TheFastestStandsStillFirstThenTheNext) {
  EXPECT_TRUE(tells(1, Taking::more, marks.low - 1, 200).empty()) << "alone it goes on";
  expect(tells(2, Taking::more, marks.low - 1, 300), 2, GuardOrder::stand);
  EXPECT_TRUE(tells(2, Taking::stands, marks.low - 1, 300).empty()) << "one may go on";
  expect(tells(3, Taking::more, marks.low - 1, 100), 1, GuardOrder::stand);
  EXPECT_TRUE(tells(1, Taking::stands, marks.low - 1, 200).empty());
}

TEST_F(BreakGuardTest, GuestsThatTakeNothingAreNoneOfIt) {
  EXPECT_TRUE(tells(1, Taking::nothing, marks.low - 1, 0).empty());
  EXPECT_TRUE(tells(2, Taking::more, marks.low - 1, 100).empty());
}

TEST_F(BreakGuardTest, AnOrderHasAMomentToBeObeyed) {
  ASSERT_TRUE(tells(1, Taking::more, marks.low - 1, 100).empty());
  ASSERT_EQ(tells(2, Taking::more, marks.low - 1, 200).size(), 1U);
  const wire::Room room{marks.low - 1, marks.low, here, 150, Taking::more};
  EXPECT_TRUE(guard_.tells(3, room, 0, now_ + milliseconds(1)).empty());
  expect(guard_.tells(3, room, 0, now_ + milliseconds(100)), 2, GuardOrder::stand);
}

TEST_F(BreakGuardTest, AtPlentyTheSlowestGoesOnFirst) {
  ASSERT_TRUE(tells(1, Taking::stands, marks.stop(), 300).empty());
  ASSERT_TRUE(tells(2, Taking::stands, marks.stop(), 100).empty());
  ASSERT_TRUE(tells(3, Taking::stands, marks.stop(), 200).empty());
  expect(tells(1, Taking::stands, marks.plenty(), 300), 2, GuardOrder::go);
  ASSERT_FALSE(tells(2, Taking::more, marks.plenty(), 100).empty()) << "and the next, while it is plenty";
}

// All on their way at once would stand still again before any of them is done.
TEST_F(BreakGuardTest, TheNextGoesOnWhereThereIsRoomForWhatThoseBeforeItMayTake) {
  constexpr std::uint64_t each = 100 * mib;
  const auto tells_all = [&](std::uint64_t guest, Taking taking, std::uint64_t available) {
    return tells(guest, taking, available, guest * 100, here, each);
  };
  for (const std::uint64_t guest : {3U, 2U, 1U}) tells_all(guest, Taking::stands, marks.stop());
  expect(tells_all(3, Taking::stands, marks.plenty()), 1, GuardOrder::go);
  EXPECT_TRUE(tells_all(1, Taking::nothing, marks.plenty()).empty()) << "it has not begun to yet";
  EXPECT_TRUE(tells_all(1, Taking::more, marks.plenty()).empty());
  EXPECT_TRUE(tells_all(2, Taking::stands, marks.plenty() + each - 1).empty());
  expect(tells_all(2, Taking::stands, marks.plenty() + each), 2, GuardOrder::go);
  EXPECT_TRUE(tells_all(3, Taking::stands, marks.plenty() + each).empty()) << "two are on their way";
  expect(tells_all(3, Taking::stands, marks.plenty() + 2 * each), 3, GuardOrder::go);
}

TEST_F(BreakGuardTest, WhereNobodyTakesMemoryOneGoesOnFromTheMarkInBetween) {
  ASSERT_TRUE(tells(1, Taking::stands, marks.again() - 1, 300).empty()) << "not even enough for one";
  ASSERT_TRUE(tells(2, Taking::stands, marks.again() - 1, 100).empty());
  expect(tells(1, Taking::stands, marks.again(), 300), 2, GuardOrder::go);
  EXPECT_TRUE(tells(2, Taking::more, marks.again(), 100).empty());
  EXPECT_TRUE(tells(1, Taking::stands, marks.again(), 300).empty()) << "one has gone on";
}

TEST_F(BreakGuardTest, PlacesAreApart) {
  EXPECT_TRUE(tells(1, Taking::more, marks.low - 1, 100, here).empty());
  EXPECT_TRUE(tells(2, Taking::more, marks.low - 1, 900, elsewhere).empty());
  expect(tells(3, Taking::more, marks.low - 1, 50, here), 1, GuardOrder::stand);
}

TEST_F(BreakGuardTest, WhoIsGoneOrSilentTakesNothing) {
  ASSERT_TRUE(tells(1, Taking::more, marks.low - 1, 100).empty());
  guard_.leave(1);
  EXPECT_TRUE(tells(2, Taking::more, marks.low - 1, 200).empty());
  now_ += std::chrono::minutes(1);
  EXPECT_TRUE(tells(3, Taking::more, marks.low - 1, 300).empty()) << "nothing was heard of 2 for long";
}

}  // namespace
}  // namespace samepage::dedup
