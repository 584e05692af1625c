// SPDX-License-Identifier: Apache-2.0
// Ending a guest from outside, in whatever state it is.
#include <chrono>
#include <future>
#include <string_view>

#include "tests/base/other_threads.hpp"
#include "tests/vmm/machine/raw_guest.hpp"

namespace samepage::vmm {
namespace {

class Stop : public test::RawGuest {
 protected:
  Machine& started(const std::vector<std::uint8_t>& code, unsigned cpus = 1) {
    MachineConfig config;
    config.cpus = cpus;
    Machine& machine = make(code, "", config);
    machine.start();
    return machine;
  }
};

TEST_F(Stop, RunningGuest) {
  Machine& machine = started(test::counting_code());
  EXPECT_TRUE(counts_on());
  machine.request_stop();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
}

TEST_F(Stop, HaltedGuest) {
  Machine& machine = started(test::halting_code(), 2);
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  machine.request_stop();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
}

TEST_F(Stop, GuestThatHasJustStarted) {
  for (int round = 0; round < 50; ++round) {
    Machine& machine = started(test::counting_code(), 2);
    machine.request_stop();
    EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
  }
}

TEST_F(Stop, HeldAndPausedGuest) {
  Machine& machine = started(test::counting_code());
  gate().pause();
  gate().hold();
  machine.request_stop();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
  gate().release();
}

TEST_F(Stop, BeforeStart) {
  Machine& machine = make(test::counting_code());
  machine.request_stop();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
  machine.start();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
}

TEST_F(Stop, GuestsOwnEndComesFirst) {
  Machine& machine = started({
      0xb0, 0x07,  // mov al, 7
      0xe6, 0xf4,  // out 0xf4, al
  });
  EXPECT_EQ(test::end_of(machine).code, 7);
  machine.request_stop();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::exited);
}

TEST_F(Stop, DestructionReturnsInEveryState) {
  make(test::counting_code());  // never started
  started(test::counting_code(), 2);
  started(test::halting_code(), 2);
  started(test::counting_code());
  gate().hold();
  started(test::counting_code());
  gate().pause();
  machine_.reset();
}

// Who waits for a reader is told that nobody waits any more.
TEST_F(Stop, DestructionWhileNobodyReadsWhatItPrints) {
  const test::TemporaryFile image(test::raw_image({
      0xb0, 0x0a,              // mov al, '\n'
      0x66, 0xba, 0xf8, 0x03,  // mov dx, 0x3f8
      0xee,                    // out dx, al
      0xeb, 0xfe,              // jmp to itself
  }));
  std::promise<void> printing;
  std::promise<void> abandoned;
  std::future_status waited = std::future_status::timeout;
  links_.print = [&](std::string_view) {
    printing.set_value();
    waited = abandoned.get_future().wait_for(std::chrono::seconds(20));
  };
  links_.abandon_output = [&] { abandoned.set_value(); };
  MachineConfig config;
  config.image = image.path();
  make(config).start();
  wait_for(printing, "the guest to print");
  machine_.reset();
  EXPECT_EQ(waited, std::future_status::ready);
}

}  // namespace
}  // namespace samepage::vmm
