// SPDX-License-Identifier: Apache-2.0
// The write barrier and the user's pause, on guests that write memory all the time.
#include <chrono>
#include <thread>

#include "tests/base/other_threads.hpp"
#include "tests/vmm/machine/raw_guest.hpp"

namespace samepage::vmm {
namespace {

class Hold : public test::RawGuest {
 protected:
  void start_counting() {
    make(test::counting_code()).start();
    EXPECT_TRUE(counts_on());
  }
  /// Whether it has written nothing by the time that all its threads sleep.
  [[nodiscard]] bool stands_still() const {
    const std::uint32_t before = counter();
    return samepage::test::wait_until_other_threads_sleep() && counter() == before;
  }
};

TEST_F(Hold, MemoryStandsStillUntilRelease) {
  start_counting();
  for (int round = 0; round < 20; ++round) {
    gate().hold();
    ASSERT_TRUE(stands_still());
    gate().release();
    ASSERT_TRUE(counts_on());
  }
}

TEST_F(Hold, TheGuestGoesOnAfterThousandsOfHolds) {
  start_counting();
  for (int round = 0; round < 5000; ++round) {
    gate().hold();
    gate().release();
  }
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, MemoryStandsStillFromTheFirstMoment) {
  start_counting();
  for (int round = 0; round < 500; ++round) {
    ASSERT_TRUE(counts_on());  // it runs right now
    gate().hold();
    const std::uint32_t before = counter();
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    while (std::chrono::steady_clock::now() < until) ASSERT_EQ(counter(), before);
    gate().release();
  }
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, OfAHaltedGuestReturnsAgainAndAgain) {
  MachineConfig config;
  config.cpus = 2;  // the second one waits for its SIPI
  Machine& machine = make(test::halting_code(), "", config);
  machine.start();
  for (int round = 0; round < 200; ++round) {
    gate().hold();
    gate().release();
    if (round % 20 == 0) {  // it halts again
      ASSERT_TRUE(samepage::test::wait_until_other_threads_sleep());
    }
  }
}

TEST_F(Hold, KeepsAGuestWaitingThatRuns) {
  start_counting();
  gate().hold();
  EXPECT_TRUE(gate().keeps_waiting());
  gate().pause();
  EXPECT_FALSE(gate().keeps_waiting()) << "the user does";
  gate().unpause();
  gate().release();
}

TEST_F(Hold, DoesNotKeepAHaltedGuestWaiting) {
  MachineConfig config;
  config.cpus = 2;  // the second one waits for its SIPI
  make(test::halting_code(), "", config).start();
  ASSERT_TRUE(samepage::test::wait_until_other_threads_sleep());
  // One that was brought out in the middle of something goes back to it.
  bool waits = true;
  for (int round = 0; waits && round < 100; ++round) {
    gate().hold();
    waits = gate().keeps_waiting();
    gate().release();
    ASSERT_TRUE(samepage::test::wait_until_other_threads_sleep());
  }
  EXPECT_FALSE(waits);
}

TEST_F(Hold, AGuestThatIsHeldBeforeItStartsDoesNotRun) {
  Machine& machine = make(test::counting_code());
  gate().hold();
  machine.start();
  EXPECT_TRUE(stands_still());
  gate().release();
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, AGuestThatHasEndedIsHeldWithoutWaiting) {
  Machine& machine = make({0xe6, 0xf4});  // out 0xf4, al
  machine.start();
  test::end_of(machine);
  gate().hold();
  gate().release();
}

TEST_F(Hold, PauseStopsTheGuestUntilUnpause) {
  start_counting();
  EXPECT_FALSE(gate().paused());
  gate().pause();
  EXPECT_TRUE(gate().paused());
  EXPECT_TRUE(stands_still());
  gate().unpause();
  EXPECT_FALSE(gate().paused());
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, PauseAndHoldAreIndependent) {
  start_counting();
  gate().pause();
  gate().hold();
  gate().unpause();
  EXPECT_TRUE(stands_still());
  gate().pause();
  gate().release();
  EXPECT_TRUE(stands_still());
  gate().unpause();
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, TwoThreadsAtOnce) {
  start_counting();
  std::thread user([&] {
    for (int round = 0; round < 1000; ++round) {
      gate().pause();
      gate().unpause();
    }
  });
  for (int round = 0; round < 1000; ++round) {
    gate().hold();
    const std::uint32_t before = counter();
    for (int look = 0; look < 1000; ++look) ASSERT_EQ(counter(), before);
    gate().release();
  }
  user.join();
  EXPECT_TRUE(counts_on());
}

}  // namespace
}  // namespace samepage::vmm
