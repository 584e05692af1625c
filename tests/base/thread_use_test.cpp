// SPDX-License-Identifier: Apache-2.0
#include "base/thread_use.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <thread>

#include "base/mapping.hpp"
#include "base/types.hpp"

namespace samepage {
namespace {

TEST(ThreadUse, AThreadsPageFaultsAreNotThoseOfOthers) {
  constexpr std::size_t pages = 64;
  const Mapping memory = Mapping::anonymous(2 * pages * page_size);
  ASSERT_EQ(::madvise(memory.data(), memory.size(), MADV_NOHUGEPAGE), 0);
  const auto touch = [&](std::size_t first) {
    for (std::size_t i = 0; i < pages; ++i) memory.data()[(first + i) * page_size] = std::byte{1};
  };
  const std::int64_t ours = page_faults_of_this_thread(), theirs = page_faults_of_other_threads();
  touch(0);
  EXPECT_GE(page_faults_of_this_thread(), ours + 64);
  EXPECT_EQ(page_faults_of_other_threads(), theirs);
  std::thread(touch, pages).join();
  EXPECT_GE(page_faults_of_other_threads(), theirs + 64);
}

TEST(ThreadUse, AThreadThatTakesAFlowOverCountsOn) {
  constexpr ThreadUse so_far{std::chrono::hours(5), 1'000'000};
  std::thread([&] {
    take_over(so_far);
    const ThreadUse now = thread_use();
    EXPECT_GE(now.cpu, so_far.cpu);
    EXPECT_LT(now.cpu, so_far.cpu + std::chrono::hours(1));
    EXPECT_GE(now.faults, so_far.faults);
    EXPECT_GE(page_faults_of_this_thread(), now.faults);
    take_over({});
    EXPECT_LT(thread_cpu_time(), std::chrono::hours(1)) << "what is taken over takes the other's place";
  }).join();
  EXPECT_LT(thread_cpu_time(), std::chrono::hours(5)) << "another thread's flow is its own";
}

}  // namespace
}  // namespace samepage
