// SPDX-License-Identifier: Apache-2.0
// The break guard, agents and daemon together: the test says how much memory is left, and how fast each guest
// takes more while it runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "dedup/agent/break_watch.hpp"
#include "dedup/agent/page_out_demand.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
constexpr std::uint64_t limit = 512 * mib;
constexpr GuardMarks marks{low_water({0, limit}) / 2};

class GuardedFleet : public testing::Test {
 protected:
  using Clock = std::chrono::steady_clock;

  struct Watched {
    FleetGuest& guest;
    std::uint64_t mib_a_second;
    std::unique_ptr<BreakWatch> watch = {};
    double own = 0;
    Clock::time_point grown = Clock::now();

    // It takes memory while it runs.
    std::uint64_t grow() {
      const Clock::time_point now = Clock::now();
      const double passed = std::chrono::duration<double>(now - std::exchange(grown, now)).count();
      if (!stands()) own += passed * static_cast<double>(mib_a_second * mib);
      return static_cast<std::uint64_t>(own);
    }
    [[nodiscard]] bool stands() const { return guest.barrier.stands(); }
  };

  void add(std::uint64_t mib_a_second) {
    guests_.push_back(std::make_unique<Watched>(Watched{fleet_.add(8), mib_a_second}));
    Watched& watched = *guests_.back();
    watched.watch = std::make_unique<BreakWatch>(
        *watched.guest.worker,
        BreakWatch::Eyes{[this] { return MemoryRoom{.available = left_, .limit = limit}; },
                         [this] { return swap_; }, [&watched] { return watched.grow(); }});
    fleet_.exchange_messages();
  }
  void step() {
    for (const auto& guest : guests_) guest->watch->look();
    fleet_.exchange_messages();
  }
  void until(const std::string& what, const std::function<bool()>& holds) {
    wait_until(what, [&] {
      step();
      return holds();
    });
  }
  [[nodiscard]] std::vector<bool> standing() const {
    std::vector<bool> all;
    for (const auto& guest : guests_) all.push_back(guest->stands());
    return all;
  }
  // They stand in this order, and nobody else does in between.
  void expect_next(const std::vector<bool>& before, const std::vector<bool>& after) {
    until("the next one stands still or goes on", [&] { return standing() != before; });
    EXPECT_EQ(standing(), after);
  }
  // As long as anything would have been ordered in.
  void expect_stays(const std::vector<bool>& how) {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(300);
    until("nothing was ordered for a while", [&] { return standing() != how || Clock::now() >= end; });
    EXPECT_EQ(standing(), how);
  }

  std::uint64_t left_ = 2 * marks.plenty();
  std::uint64_t swap_ = 0;
  Fleet fleet_;
  std::vector<std::unique_ptr<Watched>> guests_;
};

TEST_F(GuardedFleet, TheFastestStandStillFirstAndGoOnLast) {
  add(100), add(300), add(200);
  expect_stays({false, false, false});
  left_ = marks.low - mib;
  expect_next({false, false, false}, {false, true, false});
  expect_next({false, true, false}, {false, true, true});
  expect_stays({false, true, true});
  EXPECT_EQ(guests_[1]->guest.worker->counters().shortages.size(), 1U);

  left_ = marks.stop() - mib;
  expect_next({false, true, true}, {true, true, true});
  expect_stays({true, true, true});
  left_ = marks.again();
  expect_next({true, true, true}, {false, true, true});
  expect_stays({false, true, true});

  left_ = marks.plenty();
  expect_next({false, true, true}, {false, true, false});
  expect_next({false, true, false}, {false, false, false});
  EXPECT_TRUE(guests_[1]->guest.worker->counters().shortages.empty());
}

TEST_F(GuardedFleet, WhatTheKernelCanSwapOutIsRoom) {
  add(100), add(300);
  swap_ = marks.plenty();
  left_ = 0;
  expect_stays({false, false});
  swap_ = 0;
  until("both stand still", [&] { return standing() == std::vector{true, true}; });
}

TEST_F(GuardedFleet, AGuestThatEndsLeavesItsTurnToTheOthers) {
  add(100), add(200);
  left_ = marks.stop() - mib;
  until("both stand still", [&] { return standing() == std::vector{true, true}; });
  guests_[0]->watch.reset();
  fleet_.kill(guests_[0]->guest);
  guests_.erase(guests_.begin());
  left_ = marks.again();
  expect_next({true}, {false});
}

// A daemon that is gone says nothing, and nobody waits for ever for it.
TEST_F(GuardedFleet, WithoutADaemonTheyStandStillAtTheLastMarkAndGoOnByThemselves) {
  add(100), add(200);
  step();
  for (const auto& guest : guests_) guest->guest.worker->lose_daemon();
  left_ = marks.low - mib;
  expect_stays({false, false});
  left_ = marks.stop() - mib;
  until("both stand still", [&] { return standing() == std::vector{true, true}; });
  left_ = marks.plenty();
  expect_next({true, true}, {false, true});
  expect_next({false, true}, {false, false});
}

}  // namespace
}  // namespace samepage::dedup
