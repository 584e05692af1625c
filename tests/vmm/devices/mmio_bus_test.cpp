// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/mmio_bus.hpp"

#include <gtest/gtest.h>

#include <array>

namespace samepage::vmm {
namespace {

/// Remembers the last access.
struct FakeDevice final : MmioDevice {
  void write(std::uint64_t offset, std::span<const std::byte> data) override {
    ++accesses;
    last_offset = offset;
    last_size = data.size();
  }
  void read(std::uint64_t offset, std::span<std::byte> data) override {
    write(offset, data);
    data.front() = std::byte{0x5a};
  }
  int accesses = 0;
  std::uint64_t last_offset = 0;
  std::size_t last_size = 0;
};

constexpr std::array<std::byte, 4> four{};

TEST(MmioBus, DevicesSeeOffsets) {
  FakeDevice device;
  MmioBus bus;
  ASSERT_TRUE(bus.add(Gpa{0xd000'1000}, 0x1000, device));
  EXPECT_EQ(bus.write(Gpa{0xd000'1ffc}, four), MmioAccess::done);
  EXPECT_EQ(device.last_offset, 0xffcU);
  EXPECT_EQ(device.last_size, 4U);
  std::array<std::byte, 1> data{};
  EXPECT_EQ(bus.read(Gpa{0xd000'1000}, data), MmioAccess::done);
  EXPECT_EQ(data[0], std::byte{0x5a});
}

TEST(MmioBus, RefusesOverlapAndRangesThatWrap) {
  FakeDevice device;
  FakeDevice other;
  MmioBus bus;
  ASSERT_TRUE(bus.add(Gpa{0x1000}, 0x1000, device));
  EXPECT_FALSE(bus.add(Gpa{0x1fff}, 1, other));
  EXPECT_FALSE(bus.add(Gpa{0x800}, 0x801, other));
  EXPECT_FALSE(bus.add(Gpa{0}, 0x1'0000, other));
  EXPECT_FALSE(bus.add(Gpa{0x5000}, 0, other));
  EXPECT_FALSE(bus.add(Gpa{~std::uint64_t{0}}, 2, other));
  EXPECT_TRUE(bus.add(Gpa{0x2000}, 0x1000, other));
}

TEST(MmioBus, AccessesThatStraddleAnEndReachNobody) {
  FakeDevice device;
  FakeDevice other;
  MmioBus bus;
  ASSERT_TRUE(bus.add(Gpa{0x1000}, 0x1000, device));
  ASSERT_TRUE(bus.add(Gpa{0x2000}, 0x1000, other));
  EXPECT_EQ(bus.write(Gpa{0x1ffe}, four), MmioAccess::straddles);
  EXPECT_EQ(bus.write(Gpa{0xffe}, four), MmioAccess::straddles);
  EXPECT_EQ(bus.write(Gpa{0x2ffe}, four), MmioAccess::straddles);
  EXPECT_EQ(device.accesses + other.accesses, 0);
}

TEST(MmioBus, OtherAddressesHaveNoDevice) {
  FakeDevice device;
  MmioBus bus;
  ASSERT_TRUE(bus.add(Gpa{0x1000}, 0x1000, device));
  EXPECT_EQ(bus.write(Gpa{0xffc}, four), MmioAccess::no_device);
  EXPECT_EQ(bus.write(Gpa{0x2000}, four), MmioAccess::no_device);
  EXPECT_EQ(bus.write(Gpa{~std::uint64_t{0} - 1}, four), MmioAccess::no_device);
}

}  // namespace
}  // namespace samepage::vmm
