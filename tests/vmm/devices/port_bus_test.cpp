// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/port_bus.hpp"

#include <gtest/gtest.h>

#include <array>

namespace samepage::vmm {
namespace {

/// Remembers the last access.
struct FakeDevice final : PortDevice {
  void write(std::uint16_t offset, std::span<const std::byte> data) override {
    ++accesses;
    last_offset = offset;
    last_size = data.size();
  }
  void read(std::uint16_t offset, std::span<std::byte> data) override {
    write(offset, data);
    data.front() = std::byte{0x5a};
  }
  int accesses = 0;
  std::uint16_t last_offset = 0;
  std::size_t last_size = 0;
};

constexpr std::array<std::byte, 4> four{};

TEST(PortBus, DevicesSeeOffsets) {
  FakeDevice device;
  PortBus bus;
  ASSERT_TRUE(bus.add(0x3f8, 8, device));
  EXPECT_EQ(bus.write(0x3fd, std::span(four).first(2)), PortAccess::done);
  EXPECT_EQ(device.last_offset, 5U);
  EXPECT_EQ(device.last_size, 2U);
}

TEST(PortBus, ReadReturnsTheDevicesData) {
  FakeDevice device;
  PortBus bus;
  ASSERT_TRUE(bus.add(0xf4, 1, device));
  std::array<std::byte, 1> data{};
  EXPECT_EQ(bus.read(0xf4, data), PortAccess::done);
  EXPECT_EQ(data[0], std::byte{0x5a});
}

TEST(PortBus, RefusesOverlap) {
  FakeDevice device;
  FakeDevice other;
  PortBus bus;
  ASSERT_TRUE(bus.add(0x3f8, 8, device));
  EXPECT_FALSE(bus.add(0x3f8, 8, other));
  EXPECT_FALSE(bus.add(0x3ff, 1, other));
  EXPECT_FALSE(bus.add(0x3f0, 9, other));
  EXPECT_FALSE(bus.add(0x3fa, 1, other));
  EXPECT_FALSE(bus.add(0x300, 0x200, other));
  EXPECT_TRUE(bus.add(0x400, 8, other));
  EXPECT_TRUE(bus.add(0x3f0, 8, other));
}

TEST(PortBus, RefusesRangesThatAreEmptyOrTooLong) {
  FakeDevice device;
  PortBus bus;
  EXPECT_FALSE(bus.add(0x3f8, 0, device));
  EXPECT_FALSE(bus.add(0xffff, 2, device));
  EXPECT_TRUE(bus.add(0xffff, 1, device));
}

TEST(PortBus, RefusesAccessesThatStraddleAnEnd) {
  FakeDevice device;
  PortBus bus;
  ASSERT_TRUE(bus.add(0x3f8, 8, device));
  EXPECT_EQ(bus.write(0x3ff, std::span(four).first(2)), PortAccess::straddles);
  EXPECT_EQ(bus.write(0x3f7, std::span(four).first(2)), PortAccess::straddles);
  EXPECT_EQ(bus.write(0x3fc, four), PortAccess::done);
  EXPECT_EQ(device.accesses, 1);
}

TEST(PortBus, StraddlingTwoDevicesReachesNeither) {
  FakeDevice low;
  FakeDevice high;
  PortBus bus;
  ASSERT_TRUE(bus.add(0x10, 1, low));
  ASSERT_TRUE(bus.add(0x11, 1, high));
  EXPECT_EQ(bus.write(0x10, std::span(four).first(2)), PortAccess::straddles);
  EXPECT_EQ(low.accesses + high.accesses, 0);
}

TEST(PortBus, UnknownPortsHaveNoDevice) {
  FakeDevice device;
  PortBus bus;
  ASSERT_TRUE(bus.add(0xffff, 1, device));
  std::array<std::byte, 2> data{};
  EXPECT_EQ(bus.read(0x1234, data), PortAccess::no_device);
  EXPECT_EQ(bus.read(0xffff, data), PortAccess::straddles);  // beyond the last port
}

}  // namespace
}  // namespace samepage::vmm
