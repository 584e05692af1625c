// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/cpu_budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace samepage::dedup {
namespace {

using namespace std::chrono_literals;
using Cpu = CpuBudget::Cpu;

// Two processors and 10 %: 0.2 s a second, 0.6 s saved, turns of 20 ms.
class CpuBudgetTest : public testing::Test {
 protected:
  static constexpr uid_t user = 1000, other_user = 2000;
  static constexpr Cpu turn = 20ms;

  void join(std::uint64_t guest, uid_t uid = user) { budget_.join(guest, uid, {}, now_); }
  void want(std::uint64_t guest) { budget_.wants_turn(guest, true); }
  void end_turn(std::uint64_t guest, Cpu used) {
    used_[guest] += used;
    budget_.has_used(guest, used_[guest], now_);
    budget_.wants_turn(guest, false);
  }
  std::vector<CpuBudget::Turn> turns() { return budget_.next_turns(now_, daemon_); }
  std::multiset<std::uint64_t> served() {
    std::multiset<std::uint64_t> guests;
    for (const CpuBudget::Turn& given : turns()) guests.insert(given.guest);
    return guests;
  }
  // Nothing is saved any more.
  void spend_all() {
    join(999, 999);
    for (;;) {
      want(999);
      if (turns().empty()) break;
      now_ += turn;  // a thread can't use more
      end_turn(999, turn);
    }
    budget_.wants_turn(999, false);
    budget_.leave(999);
  }
  // All guests always want a turn, and use so much in each, a processor for each of them: who has used how
  // much by then.
  std::map<std::uint64_t, Cpu> run(const std::vector<std::uint64_t>& guests, std::chrono::milliseconds time,
                                   const std::function<Cpu(std::uint64_t)>& use) {
    std::map<std::uint64_t, Cpu> sum;
    std::multimap<CpuBudget::Clock::time_point, std::uint64_t> ends;
    for (const std::uint64_t guest : guests) want(guest);
    for (const auto end = now_ + time; now_ < end; now_ += 1ms) {
      for (; !ends.empty() && ends.begin()->first <= now_; ends.erase(ends.begin())) {
        const std::uint64_t guest = ends.begin()->second;
        sum[guest] += use(guest);
        end_turn(guest, use(guest));
        want(guest);
      }
      for (const CpuBudget::Turn& given : turns())
        ends.emplace(now_ + std::min<Cpu>(use(given.guest), 1s), given.guest);
    }
    return sum;
  }

  CpuBudget::Clock::time_point now_ = CpuBudget::Clock::time_point(1000s);
  Cpu daemon_{0};
  std::map<std::uint64_t, Cpu> used_;
  CpuBudget budget_{2, 10, now_};
};

TEST_F(CpuBudgetTest, AGuestThatJoinsHasWhatWasSaved) {
  join(1);
  Cpu used{0};
  for (want(1); !turns().empty(); want(1)) {
    now_ += turn;
    end_turn(1, turn);
    used += turn;
  }
  EXPECT_GE(used, 600ms);
  EXPECT_LE(used, 800ms) << "and what came in meanwhile";
}

TEST_F(CpuBudgetTest, NoMoreIsSavedThanWouldComeInInThreeSeconds) {
  now_ += 1h;
  static_cast<void>(turns());
  EXPECT_EQ(budget_.credit(), 600ms);
}

TEST_F(CpuBudgetTest, AllGuestsTogetherKeepToTheShare) {
  std::vector<std::uint64_t> guests;
  for (std::uint64_t guest = 1; guest <= 200; ++guest) join(guests.emplace_back(guest));
  Cpu sum{0};
  for (const auto& [guest, used] : run(guests, 100s, [](std::uint64_t) { return turn; })) sum += used;
  EXPECT_LE(sum, 20s + 600ms);
  EXPECT_GE(sum, 20s - 200ms);
}

TEST_F(CpuBudgetTest, WhatGuestsUseBeyondTheirTurnsIsPaidLater) {
  for (const std::uint64_t guest : {1U, 2U, 3U}) join(guest);
  Cpu sum{0};
  const auto used = run({1, 2, 3}, 100s, [](std::uint64_t guest) { return guest == 1 ? 3 * turn : turn; });
  for (const auto& [guest, cpu] : used) sum += cpu;
  EXPECT_LE(sum, 20s + 600ms + 2 * turn);
  EXPECT_GE(sum, 19s);
  EXPECT_NEAR(static_cast<double>(used.at(1).count()), static_cast<double>(used.at(2).count()), 4e8)
      << "whoever uses much has fewer turns";
}

TEST_F(CpuBudgetTest, WhatWasNotUsedComesBack) {
  join(1), join(2);
  spend_all();
  want(1);
  now_ += 100ms;
  EXPECT_EQ(served(), (std::multiset<std::uint64_t>{1}));
  want(2);
  EXPECT_TRUE(turns().empty());
  end_turn(1, 0ms);
  EXPECT_EQ(served(), (std::multiset<std::uint64_t>{2}));
}

// However much was saved: a processor is left to others, and all that there are where the share needs them.
TEST_F(CpuBudgetTest, FewHaveATurnAtATime) {
  struct Case {
    unsigned processors;
    std::uint32_t percent;
    std::size_t at_work;
  };
  for (const Case& at : {Case{1, 10, 1}, Case{2, 10, 1}, Case{2, 50, 1}, Case{2, 51, 2}, Case{8, 10, 7},
                         Case{8, 99, 8}, Case{2, 1, 1}}) {
    CpuBudget budget(at.processors, at.percent, now_);
    for (std::uint64_t guest = 1; guest <= 20; ++guest) {
      budget.join(guest, user, {}, now_);
      budget.wants_turn(guest, true);
    }
    const auto first = budget.next_turns(now_, {});
    EXPECT_EQ(first.size(), at.at_work) << at.processors << " processors, " << at.percent << " %";
    budget.wants_turn(first.front().guest, true);  // it is over
    EXPECT_EQ(budget.next_turns(now_, {}).size(), 1U) << "the next one";
  }
}

TEST_F(CpuBudgetTest, WhoHasWaitedLongestIsNext) {
  for (const std::uint64_t guest : {5U, 3U, 4U}) join(guest);
  spend_all();
  for (const std::uint64_t guest : {5U, 3U, 4U}) want(guest);
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 400 && order.size() < 3; ++i, now_ += 1ms)
    for (const CpuBudget::Turn& given : turns()) order.push_back(given.guest), end_turn(given.guest, turn);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{5, 3, 4}));
}

TEST_F(CpuBudgetTest, OneThatDiesOrHangsInItsTurnDelaysNobodyForLong) {
  for (const std::uint64_t guest : {1U, 2U, 3U}) join(guest);
  spend_all();
  want(1), want(2);
  now_ += 400ms;
  EXPECT_EQ(served(), (std::multiset<std::uint64_t>{1}));
  budget_.leave(1);
  EXPECT_EQ(served(), (std::multiset<std::uint64_t>{2}));  // which is never heard of again
  want(3);
  EXPECT_TRUE(turns().empty());
  ASSERT_EQ(budget_.next_time(), now_ + CpuBudget::patience);
  now_ += CpuBudget::patience;
  EXPECT_EQ(served(), (std::multiset<std::uint64_t>{3}));
}

TEST_F(CpuBudgetTest, OneThatDiesWhileItWaitsIsForgotten) {
  for (const std::uint64_t guest : {1U, 2U}) join(guest);
  spend_all();
  want(1), want(2);
  EXPECT_EQ(budget_.waiting(), 2U);
  budget_.leave(1);
  EXPECT_EQ(budget_.waiting(), 1U);
  now_ += 100ms;
  EXPECT_EQ(served(), (std::multiset<std::uint64_t>{2}));
}

TEST_F(CpuBudgetTest, ADebtOutlivesItsGuest) {
  join(1);
  now_ += 500ms;
  end_turn(1, 500ms);  // without a turn
  budget_.leave(1);
  join(2), want(2);
  static_cast<void>(turns());
  EXPECT_LE(budget_.credit(), 100ms);
}

TEST_F(CpuBudgetTest, UsersHaveTheSameShareHoweverManyGuestsTheyHave) {
  std::vector<std::uint64_t> guests{1};
  join(1, other_user);
  for (std::uint64_t guest = 2; guest <= 50; ++guest) join(guests.emplace_back(guest));
  const auto used = run(guests, 50s, [](std::uint64_t) { return turn; });
  EXPECT_GE(used.at(1), 4800ms);
}

// It claims to have used more than a thread can.
TEST_F(CpuBudgetTest, ALiarHarmsItselfAlone) {
  join(1), join(2, other_user), join(3, other_user);
  const auto used = run({1, 2, 3}, 50s, [](std::uint64_t guest) { return guest == 3 ? 1h : turn; });
  EXPECT_GE(used.at(1), 4800ms) << "half of all: there are two users";
  EXPECT_GE(used.at(2), 2300ms) << "half of that";
}

TEST_F(CpuBudgetTest, OneThatNeverUsesAnythingIsNotServedBeforeOthers) {
  join(1), join(2);
  const auto used = run({1, 2}, 10s, [](std::uint64_t guest) { return guest == 1 ? 0ms : turn; });
  EXPECT_GE(used.at(2), 2s);
}

TEST_F(CpuBudgetTest, TheDaemonsOwnTimeCounts) {
  join(1);
  spend_all();
  Cpu sum{0};
  want(1);
  for (int i = 0; i < 10'000; ++i, now_ += 1ms) {
    daemon_ += 50us;  // a quarter of the share
    for (const CpuBudget::Turn& given : turns()) {
      sum += given.time;
      end_turn(1, given.time);
      want(1);
    }
  }
  EXPECT_NEAR(static_cast<double>(sum.count()), 1.5e9, 5e7);
}

TEST_F(CpuBudgetTest, QuestionsToTheDaemonDoNotStopGuests) {
  join(1);
  spend_all();
  want(1);
  int given = 0;
  for (int i = 0; i < 10'000; ++i, now_ += 1ms) {
    daemon_ += 1ms;
    for (const CpuBudget::Turn& next : turns()) ++given, end_turn(1, next.time), want(1);
  }
  EXPECT_GE(given, 48) << "half of the share";
}

TEST_F(CpuBudgetTest, WithoutABoundWhoeverWaitsHasATurn) {
  std::multiset<std::uint64_t> all;
  for (std::uint64_t guest = 1; guest <= 100; ++guest) join(guest), want(guest), all.insert(guest);
  EXPECT_EQ(turns().size(), 1U);
  budget_.set_percent(100, now_);
  EXPECT_EQ(turns().size(), 99U);
  EXPECT_EQ(budget_.next_time(), std::nullopt);
}

TEST_F(CpuBudgetTest, WhatWasUsedWithoutABoundIsNotPaid) {
  join(1);
  budget_.set_percent(100, now_);
  now_ += 10s;
  end_turn(1, 10s);
  budget_.set_percent(10, now_);
  want(1);
  EXPECT_TRUE(turns().empty()) << "nothing was saved either";
  now_ += 100ms;
  EXPECT_EQ(turns().size(), 1U);
}

TEST_F(CpuBudgetTest, AKnobThatIsTurnedHoldsForThoseThatWait) {
  join(1);
  spend_all();
  want(1);
  budget_.set_percent(50, now_);
  now_ += 20ms;  // at 1 s a second
  EXPECT_EQ(turns().size(), 1U);
  budget_.set_percent(1, now_);
  now_ += turn;
  end_turn(1, turn);
  EXPECT_LE(run({1}, 10s, [](std::uint64_t) { return 7ms; }).at(1), 200ms + 60ms);
}

TEST_F(CpuBudgetTest, ItSaysWhenToAskAgain) {
  join(1);
  EXPECT_EQ(budget_.next_time(), std::nullopt);
  spend_all();
  want(1);
  static_cast<void>(turns());
  ASSERT_TRUE(budget_.next_time());
  EXPECT_GT(*budget_.next_time(), now_);
  now_ = *budget_.next_time();
  EXPECT_EQ(turns().size(), 1U);
}

// Its counter goes on, and the time when it was away is no debt.
TEST_F(CpuBudgetTest, AGuestThatComesBackGoesOnWhereItWas) {
  budget_.join(1, user, 40s, now_);
  now_ += 1s;
  budget_.has_used(1, 40s + 5ms, now_);
  want(1);
  const auto given = turns();
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].time, turn - 5ms) << "what it has used without a turn is taken out of this one";
}

}  // namespace
}  // namespace samepage::dedup
