// SPDX-License-Identifier: Apache-2.0
// The devices' half of the write barrier, with a device that writes guest memory as fast as it can.
#include "vmm/devices/virtio/device_thread.hpp"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>

#include "base/event_fd.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

constexpr std::uint64_t data = FakeDriver::data;

/// Writes a counter over 64 KiB of guest memory for as long as it is let.
class Scribbler final : public VirtioDevice {
 public:
  [[nodiscard]] std::uint32_t id() const override { return 43; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void serve(VirtioState& state) override {
    Chain chain;
    if (!state.take(0, chain)) return;
    std::vector<std::uint64_t> words(0x1'0000 / 8);
    for (std::uint64_t turn = 1;; ++turn) {
      std::fill(words.begin(), words.end(), turn);
      if (!state.copy_to(chain, 0, std::as_bytes(std::span(words)))) return;
      turns = turn;
      turns.notify_all();
    }
  }
  static constexpr std::array<std::uint16_t, 1> sizes{16};
  std::atomic<std::uint64_t> turns = 0;
};

class Barrier : public testing::Test {
 protected:
  void SetUp() override {
    driver_.start();
    driver_.request(0, {{data, 0x1'0000, write_flag}});
    thread_.start({{&driver_.transport_, event_.get()}});
    signal_event(event_.get());
    wait_for_turn();
  }
  void TearDown() override {
    driver_.gate_.close(GateReason::stop);
    thread_.stop();
  }
  void wait_for_turn() { device_.turns.wait(device_.turns.load()); }
  [[nodiscard]] std::uint64_t word(std::size_t number) const {
    // SAFETY: aligned, and written by the device's thread at any time if it ignores the barrier.
    auto* const words = reinterpret_cast<std::uint64_t*>(driver_.ram_.all().data() + data);
    return std::atomic_ref(words[number]).load(std::memory_order_relaxed);
  }

  Scribbler device_;
  FakeDriver driver_{device_};
  UniqueFd event_ = make_event();
  DeviceThread thread_;
};

// Broken when a device touches guest memory outside the gate, or the holder does not wait for it.
TEST_F(Barrier, MemoryStandsStillFromTheFirstMomentUntilOpened) {
  for (int round = 0; round < 2000; ++round) {
    driver_.gate_.close(GateReason::write_barrier);
    driver_.gate_.wait_all_out();
    const std::uint64_t first = word(0);
    for (std::size_t i = 0; i < 0x1'0000 / 8; ++i) ASSERT_EQ(word(i), first) << "in the middle of a copy";
    ASSERT_EQ(word(0), first);
    driver_.gate_.open(GateReason::write_barrier);
    if (round % 16 == 0) wait_for_turn();
  }
}

TEST_F(Barrier, ReasonsAreIndependent) {
  driver_.gate_.close(GateReason::user_pause);
  driver_.gate_.close(GateReason::write_barrier);
  driver_.gate_.wait_all_out();
  driver_.gate_.open(GateReason::write_barrier);
  const std::uint64_t before = device_.turns;
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  // The turn that was copied before the gate closed may be counted after it.
  EXPECT_LE(device_.turns, before + 1);
  driver_.gate_.open(GateReason::user_pause);
  wait_for_turn();
}

class Failing final : public VirtioDevice {
 public:
  [[nodiscard]] std::uint32_t id() const override { return 44; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void serve(VirtioState& /*state*/) override { throw std::runtime_error("no memory is left"); }
  static constexpr std::array<std::uint16_t, 1> sizes{16};
};

std::string how_it_ends(VirtioDevice& device, bool notified) {
  FakeDriver driver(device);
  const UniqueFd event = make_event();
  std::promise<std::string> ended;
  DeviceThread thread;
  if (!notified) thread.request_stop();
  thread.start({{&driver.transport_, event.get()}},
               [&](std::string failure) { ended.set_value(std::move(failure)); });
  if (notified) signal_event(event.get());
  return ended.get_future().get();
}

// What a device can't do ends its guest with a reason, not the process.
TEST(DeviceThread, TellsWhatADeviceFailedOf) {
  Failing device;
  EXPECT_EQ(how_it_ends(device, true), "no memory is left");
}

TEST(DeviceThread, EndsWhenItIsAskedToAndNobodyWaits) {
  Failing device;
  EXPECT_EQ(how_it_ends(device, false), "");
}

// A vCPU's register access never waits for the barrier: the barrier waits for the vCPU.
TEST_F(Barrier, RegistersAnswerWhileTheGateIsClosed) {
  driver_.gate_.close(GateReason::write_barrier);
  driver_.gate_.wait_all_out();
  EXPECT_NE(driver_.get(0x70), 0U);
  driver_.set(0x70, 0);
  EXPECT_EQ(driver_.get(0x70), 0U);
  const std::uint64_t after_reset = word(0);
  driver_.gate_.open(GateReason::write_barrier);
  thread_.stop();  // the chain is void: the device gives up
  EXPECT_EQ(word(0), after_reset);
}

}  // namespace
}  // namespace samepage::vmm::test
