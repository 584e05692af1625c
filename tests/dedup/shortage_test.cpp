// SPDX-License-Identifier: Apache-2.0
#include "dedup/shortage.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

class ShortagesTest : public testing::Test {
 protected:
  [[nodiscard]] Shortages::Clock::time_point at(int ms) const { return start_ + milliseconds(ms); }
  const Shortages::Clock::time_point start_ = Shortages::Clock::now();
  Shortages shortages_;
};

TEST_F(ShortagesTest, NothingIsShortAtFirst) {
  EXPECT_TRUE(shortages_.figures(start_).empty());
  for (const Resource what : all_resources()) {
    EXPECT_FALSE(shortages_.is_short(what));
    EXPECT_TRUE(shortages_.may_try(what, start_));
    EXPECT_FALSE(shortages_.granted(what, start_).has_value());
  }
}

TEST_F(ShortagesTest, AShortageBeginsOnceAndEndsOnce) {
  EXPECT_TRUE(shortages_.refused(Resource::memory, at(0)));
  EXPECT_FALSE(shortages_.refused(Resource::memory, at(1)));
  EXPECT_TRUE(shortages_.is_short(Resource::memory));
  EXPECT_FALSE(shortages_.is_short(Resource::mappings));
  EXPECT_EQ(shortages_.granted(Resource::memory, at(40)), milliseconds(40));
  EXPECT_FALSE(shortages_.granted(Resource::memory, at(41)).has_value());
  EXPECT_TRUE(shortages_.refused(Resource::memory, at(50))) << "another one";
}

TEST_F(ShortagesTest, FiguresTellWhatIsShortSinceWhenAndWhatWaits) {
  shortages_.refused(Resource::disk, at(0));
  shortages_.refused(Resource::mappings, at(500));
  shortages_.set_waiting(Resource::mappings, 340);
  shortages_.set_waiting(Resource::memory, 5);  // there is plenty
  const auto figures = shortages_.figures(at(12'500));
  ASSERT_EQ(figures.size(), 2U);
  EXPECT_EQ(figures[0].what, Resource::mappings);
  EXPECT_EQ(figures[0].lasts, milliseconds(12'000));
  EXPECT_EQ(figures[0].waiting, 340U);
  EXPECT_EQ(figures[1].what, Resource::disk);
  EXPECT_EQ(figures[1].waiting, 0U);
}

TEST_F(ShortagesTest, NothingOfAShortageIsLeftInTheNextOne) {
  shortages_.refused(Resource::disk, at(0));
  shortages_.set_waiting(Resource::disk, 7);
  shortages_.granted(Resource::disk, at(10));
  shortages_.refused(Resource::disk, at(1000));
  EXPECT_EQ(shortages_.figures(at(1001)).at(0).waiting, 0U);
  EXPECT_EQ(shortages_.figures(at(1001)).at(0).lasts, milliseconds(1));
  EXPECT_TRUE(shortages_.may_try(Resource::disk, at(1000) + Shortages::shortest_pause));
}

// The times of all tries of somebody who looks each millisecond, and is refused each time.
TEST_F(ShortagesTest, PausesGrowUpToTheLongest) {
  std::vector<milliseconds> tries;
  for (int ms = 0; ms < 60'000; ++ms) {
    if (!shortages_.may_try(Resource::memory, at(ms))) continue;
    tries.emplace_back(ms);
    shortages_.refused(Resource::memory, at(ms));
  }
  ASSERT_GT(tries.size(), 9U);
  EXPECT_LT(tries.size(), 14U) << "it is tried all the time";
  EXPECT_EQ(tries[1] - tries[0], Shortages::shortest_pause);
  for (std::size_t i = 2; i < tries.size(); ++i) {
    const auto pause = tries[i] - tries[i - 1];
    EXPECT_EQ(pause, std::min(2 * (tries[i - 1] - tries[i - 2]), Shortages::longest_pause)) << i;
  }
}

TEST_F(ShortagesTest, ManyRefusalsOfOneTryDoNotMakeThePauseLonger) {
  for (int i = 0; i < 50; ++i) shortages_.refused(Resource::commit, at(0));
  EXPECT_TRUE(shortages_.may_try(Resource::commit, start_ + Shortages::shortest_pause));
}

TEST(Resources, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Resource what : all_resources()) {
    names.emplace(name_of(what));
    EXPECT_FALSE(waits_for(what).empty());
  }
  EXPECT_EQ(names.size(), resource_count);
}

TEST(Resources, AreToldByTheErrorsOfSystemCalls) {
  EXPECT_EQ(lacked(ENOMEM, false), Resource::memory);
  EXPECT_EQ(lacked(ENOMEM, true), Resource::commit);
  EXPECT_EQ(lacked(EMFILE, false), Resource::descriptors);
  EXPECT_EQ(lacked(ENFILE, false), Resource::descriptors);
  EXPECT_EQ(lacked(ENOSPC, true), Resource::disk);
  EXPECT_EQ(lacked(ENOBUFS, false), Resource::socket_buffers);
  EXPECT_FALSE(lacked(EIO, false).has_value());
  EXPECT_FALSE(lacked(EACCES, true).has_value());
}

}  // namespace
}  // namespace samepage::dedup
