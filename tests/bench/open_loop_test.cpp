// SPDX-License-Identifier: Apache-2.0
#include "bench/open_loop.hpp"

#include <gtest/gtest.h>

namespace samepage::bench {
namespace {

using std::chrono::milliseconds;

constexpr OpenLoop::Time start{};
OpenLoop::Time at(int ms) {
  return start + milliseconds(ms);
}

TEST(OpenLoop, RequestsAreDueAtFixedTimesWhateverWasAnswered) {
  OpenLoop loop(start, milliseconds(10), 4);
  EXPECT_EQ(loop.take_due(at(0)), 1U);
  EXPECT_EQ(loop.take_due(at(9)), 0U);
  EXPECT_EQ(loop.next_due(), at(10));
  EXPECT_EQ(loop.take_due(at(25)), 2U) << "the client was late: both that were due meanwhile";
  EXPECT_FALSE(loop.all_sent());
  EXPECT_EQ(loop.take_due(at(99)), 1U) << "there are no more than four";
  EXPECT_TRUE(loop.all_sent());
}

TEST(OpenLoop, AStallIsInAllRequestsThatWereDueMeanwhile) {
  OpenLoop loop(start, milliseconds(10), 4);
  loop.take_due(at(0));
  loop.answered(1, at(1));
  loop.take_due(at(10));
  loop.take_due(at(31));  // neither client nor guest ran for 21 ms
  loop.answered(3, at(32));
  EXPECT_TRUE(loop.all_answered());
  EXPECT_EQ(loop.times_ms(at(40)), (std::vector<double>{1, 22, 12, 2}));
}

TEST(OpenLoop, ARequestWithoutAnAnswerCountsAsFarAsItIsKnown) {
  OpenLoop loop(start, milliseconds(10), 3);
  loop.take_due(at(10));
  loop.answered(1, at(12));
  EXPECT_FALSE(loop.all_answered());
  EXPECT_EQ(loop.times_ms(at(50)), (std::vector<double>{12, 40})) << "the third was never sent";
}

TEST(OpenLoop, AnswersThatNobodyAskedForDoNotCount) {
  OpenLoop loop(start, milliseconds(10), 3);
  loop.take_due(at(0));
  loop.answered(5, at(1));
  EXPECT_FALSE(loop.all_answered());
  EXPECT_EQ(loop.times_ms(at(2)), (std::vector<double>{1}));
}

}  // namespace
}  // namespace samepage::bench
