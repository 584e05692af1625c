// SPDX-License-Identifier: Apache-2.0
// That both halves of the gate are closed and opened together; what each does is tested with it.
#include "vmm/machine/guest_gate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "tests/base/wait_until.hpp"

namespace samepage::vmm {
namespace {

/// A device's thread and a vCPU's that wait at the gate, each until it gets in.
class Waiting {
 public:
  explicit Waiting(GuestGate& gate)
      : device_([&] { device_in_.set_value(gate.devices().enter()); }), vcpu_([&] {
          gate.vcpus().attach(0, immediate_exit_);
          const bool in = gate.vcpus().enter(0);
          vcpu_in_.set_value(in);
          if (in) gate.vcpus().leave(0);
        }) {}
  ~Waiting() {
    device_.join();
    vcpu_.join();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  [[nodiscard]] bool anybody_is_in() const {
    return device_came_.wait_for(std::chrono::milliseconds(20)) == std::future_status::ready ||
           vcpu_came_.wait_for(std::chrono::milliseconds(0)) == std::future_status::ready;
  }
  /// Waits until both have come to the end of enter(): true where they were let in.
  std::array<bool, 2> let_in() { return {device_came_.get(), vcpu_came_.get()}; }

 private:
  std::uint8_t immediate_exit_ = 0;
  std::promise<bool> device_in_;
  std::promise<bool> vcpu_in_;
  std::future<bool> device_came_ = device_in_.get_future();
  std::future<bool> vcpu_came_ = vcpu_in_.get_future();
  std::thread device_;
  std::thread vcpu_;
};

constexpr std::array both_in{true, true};
constexpr std::array none_in{false, false};

TEST(GuestGate, HoldsVcpusAndDevices) {
  GuestGate gate(1);
  gate.hold();
  Waiting waiting(gate);
  EXPECT_FALSE(waiting.anybody_is_in());
  gate.release();
  EXPECT_EQ(waiting.let_in(), both_in);
}

TEST(GuestGate, PauseIsIndependentOfHold) {
  GuestGate gate(1);
  gate.pause();
  gate.hold();
  gate.release();
  EXPECT_TRUE(gate.paused());
  Waiting waiting(gate);
  EXPECT_FALSE(waiting.anybody_is_in());
  gate.unpause();
  EXPECT_FALSE(gate.paused());
  EXPECT_EQ(waiting.let_in(), both_in);
}

TEST(GuestGate, StopEndsWhoWaits) {
  GuestGate gate(1);
  gate.pause();
  Waiting waiting(gate);
  gate.stop();
  EXPECT_EQ(waiting.let_in(), none_in);
}

TEST(GuestGate, KeepsWaitingWhoeverWaitsAtEitherHalf) {
  GuestGate gate(1);
  gate.hold();
  EXPECT_FALSE(gate.keeps_waiting()) << "there is nobody";
  Waiting waiting(gate);
  wait_until("the devices wait", [&] { return gate.devices().keeps_waiting(GateReason::write_barrier); });
  wait_until("the vCPU waits", [&] { return gate.vcpus().keeps_waiting(GateReason::write_barrier); });
  EXPECT_TRUE(gate.keeps_waiting());
  gate.release();
  EXPECT_EQ(waiting.let_in(), both_in);
}

}  // namespace
}  // namespace samepage::vmm
