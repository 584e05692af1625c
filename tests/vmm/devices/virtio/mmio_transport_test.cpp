// SPDX-License-Identifier: Apache-2.0
// Each register, and what a driver may write to it; one driver for all.
#include "vmm/devices/virtio/mmio_transport.hpp"

#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

class Transport : public testing::Test {
 protected:
  Mirror device_;
  FakeDriver driver_{device_};
};

TEST_F(Transport, SaysWhatItIs) {
  EXPECT_EQ(driver_.get(0x00), 0x7472'6976U);
  EXPECT_EQ(driver_.get(0x04), 2U);
  EXPECT_EQ(driver_.get(0x08), 42U);
  EXPECT_EQ(driver_.offered(), feature_version_1 | feature_event_index | feature_indirect);
  driver_.set(0x14, 2);
  EXPECT_EQ(driver_.get(0x10), 0U);
}

TEST_F(Transport, QueuesHaveTheirSizes) {
  driver_.set(0x30, 1);
  EXPECT_EQ(driver_.get(0x34), 16U);
  driver_.set(0x30, 2);
  EXPECT_EQ(driver_.get(0x34), 0U);
  driver_.set(0x44, 1);  // of no queue
  driver_.set(0x38, 8);
  EXPECT_EQ(driver_.get(0x44), 0U);
}

TEST_F(Transport, FeaturesThatWereNotOfferedAreNotOk) {
  driver_.set(0x70, 3);
  driver_.set(0x24, 1);
  driver_.set(0x20, 1);
  driver_.set(0x24, 0);
  driver_.set(0x20, 1);  // nobody offered bit 0
  driver_.set(0x70, 3 | VirtioState::features_ok);
  EXPECT_EQ(driver_.get(0x70), 3U);
}

TEST_F(Transport, DriversOlderThanVersion1AreNotOk) {
  driver_.set(0x70, 3);
  driver_.set(0x70, 3 | VirtioState::features_ok);
  EXPECT_EQ(driver_.get(0x70), 3U);
}

TEST_F(Transport, AQueueThatCannotBeNeedsAReset) {
  driver_.start();
  driver_.set(0x44, 0);
  driver_.set(0x80, 8);  // not aligned
  driver_.set(0x44, 1);
  EXPECT_TRUE(driver_.needs_reset());
  EXPECT_EQ(driver_.get(0x44), 0U);
  EXPECT_EQ(driver_.get(0x60), 2U);  // told as a change of the configuration
}

TEST_F(Transport, AQueueLargerThanItsMaximumNeedsAReset) {
  driver_.start();
  driver_.set(0x30, 1);
  driver_.set(0x44, 0);
  driver_.set(0x38, 32);
  driver_.set(0x44, 1);
  EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(Transport, NothingIsServedBeforeDriverOk) {
  driver_.start();
  driver_.set(0x70, 0);
  driver_.request(0, {{FakeDriver::data, 4}});
  driver_.serve();
  EXPECT_TRUE(device_.seen.empty());
}

TEST_F(Transport, ResetForgetsEverything) {
  driver_.start();
  driver_.request(0, {{FakeDriver::data, 4}});
  driver_.serve();
  driver_.set(0x70, 0);
  EXPECT_EQ(driver_.get(0x70), 0U);
  EXPECT_EQ(driver_.get(0x60), 0U);
  driver_.set(0x30, 0);
  EXPECT_EQ(driver_.get(0x44), 0U);
}

// The driver gives its memory to others once it has reset the device: a request that is still being worked on
// must not write there any more.
TEST_F(Transport, AChainFromBeforeAResetIsVoid) {
  driver_.start();
  driver_.set_text(FakeDriver::data, "abcd");
  driver_.set_text(FakeDriver::data + 64, "keep");
  driver_.request(0, {{FakeDriver::data, 4}, {FakeDriver::data + 64, 4, write_flag}});
  device_.before_answer = [&] {
    device_.before_answer = {};
    driver_.start();
  };
  driver_.serve();
  EXPECT_EQ(device_.seen.size(), 1U);
  EXPECT_EQ(driver_.text(FakeDriver::data + 64, 4), "keep");
  EXPECT_EQ(driver_.finished(0), 0);
  EXPECT_EQ(driver_.interrupts_, 0);
}

// The same for one queue: a driver may stop it by its ready register and go on with the device.
TEST_F(Transport, AChainOfAQueueThatWasStoppedIsVoid) {
  driver_.start();
  driver_.set_text(FakeDriver::data, "abcd");
  driver_.set_text(FakeDriver::data + 64, "keep");
  driver_.request(0, {{FakeDriver::data, 4}, {FakeDriver::data + 64, 4, write_flag}});
  device_.before_answer = [&] {
    driver_.set(0x30, 0);
    driver_.set(0x44, 0);
    EXPECT_EQ(driver_.get(0x44), 0U);
    driver_.place_queue(0, 16);
    driver_.set(0x44, 1);
    EXPECT_EQ(driver_.get(0x44), 1U);
  };
  driver_.serve();
  EXPECT_EQ(device_.seen.size(), 1U);
  EXPECT_EQ(driver_.text(FakeDriver::data + 64, 4), "keep");
  EXPECT_EQ(driver_.finished(0), 0);
  EXPECT_EQ(driver_.interrupts_, 0);
}

TEST_F(Transport, InterruptCausesStayUntilAcknowledged) {
  driver_.start();
  driver_.transport_.state().configuration_changed();
  EXPECT_EQ(driver_.interrupts_, 1);
  EXPECT_EQ(driver_.get(0x60), 2U);
  EXPECT_EQ(driver_.get(0xfc), 1U);
  driver_.set(0x64, 2);
  EXPECT_EQ(driver_.get(0x60), 0U);
}

TEST_F(Transport, ConfigurationReadsAsZerosBeyondItsEnd) {
  std::array<std::byte, 8> data{};
  data.fill(std::byte{0xff});
  driver_.transport_.read(0x104, data);
  EXPECT_EQ(data[0], std::byte{5});
  EXPECT_EQ(data[1], std::byte{6});
  EXPECT_EQ(data[2], std::byte{0});
  driver_.transport_.read(0xff8, data);
  EXPECT_EQ(data[0], std::byte{0});
}

TEST_F(Transport, ConfigurationWritesReachTheDevice) {
  const std::array<std::byte, 2> data{};
  driver_.transport_.write(0x103, data);
  EXPECT_EQ(device_.written_offset, 3U);
  EXPECT_EQ(device_.written_bytes, 2U);
}

TEST_F(Transport, AccessesThatNoDriverMakesAreIgnored) {
  std::array<std::byte, 8> data{};
  data.fill(std::byte{0xff});
  driver_.transport_.read(0x00, data);  // 8 bytes
  EXPECT_EQ(data[0], std::byte{0});
  driver_.transport_.read(0x02, std::span(data).first(4));
  EXPECT_EQ(data[0], std::byte{0});
  driver_.transport_.write(0x70, std::span(data).first(1));
  EXPECT_EQ(driver_.get(0x70), 0U);
}

TEST_F(Transport, NotificationsWakeTheDevicesThread) {
  driver_.start();
  const int before = driver_.wakes_;
  driver_.set(0x50, 0);
  EXPECT_EQ(driver_.wakes_, before + 1);
}

TEST_F(Transport, NoSharedMemoryRegions) {
  EXPECT_EQ(driver_.get(0xb0), ~std::uint32_t{0});
  EXPECT_EQ(driver_.get(0xbc), ~std::uint32_t{0});
}

// Saved while the device is at work on the third of five requests, it goes on with the third one elsewhere.
TEST_F(Transport, ARequestThatIsBeingWorkedOnIsCarriedOutAgain) {
  driver_.start(feature_event_index);
  for (std::uint16_t i = 0; i < 5; ++i) {
    const std::uint64_t text = FakeDriver::data + 16U * i;
    driver_.set_text(text, std::string(1, static_cast<char>('a' + i)));
    const auto first = static_cast<std::uint16_t>(2 * i);
    driver_.request(0, {{text, 1}, {text + 8, 1, write_flag}}, first);
  }
  Mirror other;
  FakeDriver driver(other);
  device_.before_answer = [&] {
    if (device_.seen.size() == 3) {
      ASSERT_EQ(driver.go_on_from(driver_), "");
    }
  };
  driver_.serve();
  EXPECT_EQ(driver.finished(0), 2);
  EXPECT_EQ(driver.text(FakeDriver::data + 16 + 8, 1), "b");
  driver.serve();
  ASSERT_EQ(other.seen.size(), 3U);
  EXPECT_EQ(other.seen.front().head, 4);
  EXPECT_EQ(driver.finished(0), 5);
  EXPECT_EQ(driver.text(FakeDriver::data + 16 * 4 + 8, 1), "e");
  EXPECT_EQ(driver.interrupts_, 3);
}

TEST_F(Transport, IndexesWrapAroundInAnotherOne) {
  driver_.start();
  for (int i = 0; i < 0xffff; ++i) {
    driver_.request(1, {{FakeDriver::data, 1}});
    driver_.serve();
  }
  Mirror other;
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(driver_), "");
  const int before = driver.interrupts_;
  for (int i = 0; i < 3; ++i) {
    driver.request(1, {{FakeDriver::data, 1}});
    driver.serve();
  }
  EXPECT_EQ(driver.finished(1), 2);
  EXPECT_EQ(driver.interrupts_, before + 1) << "the first of the wish of the driver, which is index 0";
}

TEST_F(Transport, SelectorsAndHalfDoneSetUpGoOnElsewhere) {
  driver_.set(0x70, 3);
  driver_.set(0x14, 1);
  driver_.set(0x24, 1);
  driver_.set(0x20, 1);
  driver_.set(0x30, 1);
  driver_.set(0x80, 0x1230);
  Mirror other;
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(driver_), "");
  EXPECT_EQ(driver.get(0x10), 1U);
  EXPECT_EQ(driver.get(0x34), 16U);
  driver.set(0x24, 0);
  driver.set(0x20, 0);
  driver.set(0x70, 3 | VirtioState::features_ok);
  EXPECT_EQ(driver.get(0x70), 3U | VirtioState::features_ok);
}

TEST_F(Transport, AnInterruptThatWasNotAcknowledgedIsRepeated) {
  driver_.start();
  driver_.transport_.state().configuration_changed();
  Mirror other;
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(driver_), "");
  EXPECT_EQ(driver.get(0xfc), 1U);
  driver.transport_.state().repeat_interrupt();
  EXPECT_EQ(driver.interrupts_, 1);
  driver.set(0x64, 2);
  driver.transport_.state().repeat_interrupt();
  EXPECT_EQ(driver.interrupts_, 1);
}

TEST_F(Transport, AChainFromBeforeARestoreIsVoid) {
  driver_.start();
  driver_.request(0, {{FakeDriver::data, 4}, {FakeDriver::data + 64, 4, write_flag}});
  const TransportState state = driver_.transport_.save();
  device_.before_answer = [&] {
    device_.before_answer = {};
    EXPECT_FALSE(driver_.transport_.restore(state));
  };
  driver_.serve();
  EXPECT_EQ(device_.seen.size(), 2U) << "taken again";
  EXPECT_EQ(driver_.finished(0), 1);
}

TEST_F(Transport, WhatIsNotAStateIsRefusedAndChangesNothing) {
  driver_.start();
  const TransportState right = driver_.transport_.save();
  const auto fault = [&](auto&& break_it) {
    TransportState wrong = right;
    break_it(wrong.registers);
    const std::string text(driver_.transport_.restore(wrong).value_or("it was taken"));
    EXPECT_EQ(driver_.transport_.save(), right);
    return text;
  };
  EXPECT_EQ(fault([](auto& r) { r.status |= 0x100; }), "its status has bits that there are not");
  EXPECT_EQ(fault([](auto& r) { r.interrupt_causes = 4; }), "it interrupts for reasons that there are not");
  EXPECT_EQ(fault([](auto& r) { r.accepted_features |= 1; }),
            "its driver uses features that it does not have here");
  EXPECT_EQ(fault([](auto& r) { r.queues.pop_back(); }), "it has another number of queues here");
  EXPECT_EQ(fault([](auto& r) { r.status = 3; }), "a queue is ready before the features are settled");
  EXPECT_EQ(fault([](auto& r) { r.queues[1].place.size = 32; }), "a queue is longer than it can be here");
  EXPECT_EQ(fault([](auto& r) { r.queues[0].place.device = Gpa{~std::uint64_t{0} - 3}; }),
            "a queue's area is not aligned, outside RAM or on another area of it");
}

}  // namespace
}  // namespace samepage::vmm::test
