// SPDX-License-Identifier: Apache-2.0
// The write barrier and the user's pause, on guests that write memory all the time.
#include <chrono>
#include <thread>

#include "tests/vmm/machine/raw_guest.hpp"

namespace samepage::vmm {
namespace {

using std::chrono::milliseconds;

class Hold : public test::RawGuest {
 protected:
  Machine& start_counting() {
    Machine& machine = make(test::counting_code());
    machine.start();
    EXPECT_TRUE(counts_on());
    return machine;
  }
  [[nodiscard]] bool stands_still(milliseconds time) const {
    const std::uint32_t before = counter();
    std::this_thread::sleep_for(time);
    return counter() == before;
  }
};

TEST_F(Hold, MemoryStandsStillUntilRelease) {
  Machine& machine = start_counting();
  for (int round = 0; round < 20; ++round) {
    machine.hold();
    ASSERT_TRUE(stands_still(milliseconds(5)));
    machine.release();
    ASSERT_TRUE(counts_on());
  }
}

TEST_F(Hold, WorksThousandsOfTimes) {
  Machine& machine = start_counting();
  for (int round = 0; round < 5000; ++round) {
    machine.hold();
    machine.release();
  }
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, MemoryStandsStillFromTheFirstMoment) {
  Machine& machine = start_counting();
  for (int round = 0; round < 500; ++round) {
    ASSERT_TRUE(counts_on());  // it runs right now
    machine.hold();
    const std::uint32_t before = counter();
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    while (std::chrono::steady_clock::now() < until) ASSERT_EQ(counter(), before);
    machine.release();
  }
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, HaltedGuestIsHeldToo) {
  MachineConfig config;
  config.cpus = 2;  // the second one waits for its SIPI
  Machine& machine = make(test::halting_code(), "", config);
  machine.start();
  for (int round = 0; round < 200; ++round) {
    machine.hold();
    machine.release();
    if (round % 20 == 0) std::this_thread::sleep_for(milliseconds(2));
  }
}

TEST_F(Hold, BeforeStart) {
  Machine& machine = make(test::counting_code());
  machine.hold();
  machine.start();
  EXPECT_TRUE(stands_still(milliseconds(20)));
  machine.release();
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, AfterTheEnd) {
  Machine& machine = make({0xe6, 0xf4});  // out 0xf4, al
  machine.start();
  machine.wait();
  machine.hold();
  machine.release();
}

TEST_F(Hold, PauseStopsTheGuestUntilUnpause) {
  Machine& machine = start_counting();
  EXPECT_FALSE(machine.paused());
  machine.pause();
  EXPECT_TRUE(machine.paused());
  EXPECT_TRUE(stands_still(milliseconds(20)));
  machine.unpause();
  EXPECT_FALSE(machine.paused());
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, PauseAndHoldAreIndependent) {
  Machine& machine = start_counting();
  machine.pause();
  machine.hold();
  machine.unpause();
  EXPECT_TRUE(stands_still(milliseconds(10)));
  machine.pause();
  machine.release();
  EXPECT_TRUE(stands_still(milliseconds(10)));
  machine.unpause();
  EXPECT_TRUE(counts_on());
}

TEST_F(Hold, TwoThreadsAtOnce) {
  Machine& machine = start_counting();
  std::thread user([&] {
    for (int round = 0; round < 1000; ++round) {
      machine.pause();
      machine.unpause();
    }
  });
  for (int round = 0; round < 1000; ++round) {
    machine.hold();
    const std::uint32_t before = counter();
    EXPECT_EQ(counter(), before);
    machine.release();
  }
  user.join();
  EXPECT_TRUE(counts_on());
}

}  // namespace
}  // namespace samepage::vmm
