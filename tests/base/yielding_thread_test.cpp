// SPDX-License-Identifier: Apache-2.0
#include "base/yielding_thread.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/base/nice_value.hpp"

namespace samepage {
namespace {

using test::nice_value;

void use_the_processor_for(std::chrono::nanoseconds time) {
  const auto end = thread_cpu_time() + time;
  while (thread_cpu_time() < end) continue;
}

TEST(YieldingThread, WorksNicerThanItsCallerWhoStaysAsItWas) {
  const int before = nice_value();
  int seen = -100;
  YieldingThread yielding(3, [] {});
  yielding.run([&] { seen = nice_value(); });
  EXPECT_EQ(seen, std::min(before + 3, 19));
  EXPECT_EQ(nice_value(), before);
}

TEST(YieldingThread, IsAsNiceAsCanBeWhereThereIsNoMore) {
  int seen = -100;
  YieldingThread yielding(100, [] {});
  yielding.run([&] { seen = nice_value(); });
  EXPECT_EQ(seen, 19);
}

TEST(YieldingThread, IsPreparedBeforeItIsThereAndBeforeItWorks) {
  std::vector<int> order;
  YieldingThread yielding(1, [&] { order.push_back(1); });
  EXPECT_EQ(order, (std::vector{1}));
  yielding.run([&] { order.push_back(2); });
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(YieldingThread, WhatIsAskedForAtFullPriorityIsDoneByTheCaller) {
  const auto caller = std::this_thread::get_id();
  std::vector<std::thread::id> ids;
  const auto note = [&] { ids.push_back(std::this_thread::get_id()); };
  YieldingThread yielding(1, [] {});
  at_full_priority(note);
  yielding.run([&] {
    note();
    at_full_priority(note);
    note();
    at_full_priority(note);
  });
  ASSERT_EQ(ids.size(), 5U);
  EXPECT_EQ(ids[0], caller) << "outside of it, by whoever asks";
  EXPECT_NE(ids[1], caller);
  EXPECT_EQ(ids[2], caller);
  EXPECT_EQ(ids[3], ids[1]);
  EXPECT_EQ(ids[4], caller);
}

TEST(YieldingThread, ThrowsWhatTheWorkThrowsAndWorksOn) {
  YieldingThread yielding(1, [] {});
  EXPECT_THROW(yielding.run([] { throw std::runtime_error("of the work"); }), std::runtime_error);
  bool caught = false;
  yielding.run([&] {
    try {
      at_full_priority([] { throw std::runtime_error("of the caller"); });
    } catch (const std::runtime_error&) {
      caught = true;
    }
  });
  EXPECT_TRUE(caught);
  EXPECT_THROW(yielding.run([] { at_full_priority([] { throw std::runtime_error("through both"); }); }),
               std::runtime_error);
}

// Budgets count the processor time of the flow, whichever thread it was used on.
TEST(YieldingThread, WhatBothUseIsOneFlows) {
  constexpr std::chrono::milliseconds part{20};
  YieldingThread yielding(1, [] {});
  const auto start = thread_cpu_time();
  std::chrono::nanoseconds inside{0}, back{0};
  yielding.run([&] {
    use_the_processor_for(part);
    at_full_priority([&] {
      back = thread_cpu_time() - start;
      use_the_processor_for(part);
    });
    inside = thread_cpu_time() - start;
  });
  EXPECT_GE(back, part);
  EXPECT_GE(inside, 2 * part);
  EXPECT_GE(thread_cpu_time() - start, inside) << "it never goes back";
  EXPECT_LT(thread_cpu_time() - start, std::chrono::seconds(10));
}

TEST(YieldingThread, EndsUnused) {
  const YieldingThread yielding(1, [] {});
}

}  // namespace
}  // namespace samepage
