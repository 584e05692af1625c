// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/firmware_config.hpp"

#include <gtest/gtest.h>

#include <array>

namespace samepage::vmm {
namespace {

class FirmwareConfigTest : public testing::Test {
 protected:
  // As kvm-unit-tests read: byte by byte, the lowest first.
  std::uint64_t ask(std::uint16_t item, unsigned bytes) {
    const std::array selector{static_cast<std::byte>(item & 0xffU), static_cast<std::byte>(item >> 8U)};
    device_.write(0, selector);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{next()} << (8 * i);
    return value;
  }
  unsigned next() {
    std::array<std::byte, 1> byte{std::byte{0xff}};
    device_.read(1, byte);
    return std::to_integer<unsigned>(byte[0]);
  }

  static constexpr std::uint64_t ram_bytes = 0x0807'0605'0403'0201;
  FirmwareConfig device_{3, ram_bytes};
};

TEST_F(FirmwareConfigTest, TellsCpusAndMemory) {
  EXPECT_EQ(ask(5, 2), 3U);
  EXPECT_EQ(ask(15, 2), 3U);
  EXPECT_EQ(ask(3, 8), ram_bytes);
  EXPECT_EQ(ask(0, 4), 0x554d4551U);
  EXPECT_EQ(ask(1, 4), 1U);
}

TEST_F(FirmwareConfigTest, BehindAnItemAndInsteadOfOneThereAreZeros) {
  EXPECT_EQ(ask(5, 2), 3U);
  EXPECT_EQ(next(), 0U);
  EXPECT_EQ(ask(0x19, 4), 0U);
  EXPECT_EQ(ask(0xffff, 4), 0U);
}

TEST_F(FirmwareConfigTest, AnItemBeginsAnewWheneverItIsSelected) {
  EXPECT_EQ(ask(3, 3), 0x03'0201U);
  EXPECT_EQ(ask(3, 8), ram_bytes);
}

TEST_F(FirmwareConfigTest, WritesThatSelectNothingChangeNothing) {
  EXPECT_EQ(ask(3, 1), 1U);
  const std::array<std::byte, 4> four{};
  device_.write(0, std::span(four).first(1));
  device_.write(0, four);
  device_.write(1, std::span(four).first(2));
  EXPECT_EQ(next(), 2U);
}

TEST_F(FirmwareConfigTest, AnotherOneGoesOnInTheMiddleOfAnItem) {
  EXPECT_EQ(ask(3, 3), 0x03'0201U);
  FirmwareConfig other(3, ram_bytes);
  other.restore(device_.save());
  EXPECT_EQ(other.save(), device_.save());
  std::array<std::byte, 5> rest{};
  other.read(1, rest);
  for (unsigned i = 0; i < rest.size(); ++i) EXPECT_EQ(std::to_integer<unsigned>(rest.at(i)), 4 + i);
}

TEST_F(FirmwareConfigTest, AStateMaySelectNothingOrWhatIsNotThere) {
  EXPECT_EQ(device_.save(), FirmwareConfigState{});
  EXPECT_EQ(ask(3, 1), 1U);
  device_.restore({std::uint16_t{0x4711}, 3});
  EXPECT_EQ(next(), 0U);
  device_.restore({std::uint16_t{3}, ~std::uint32_t{0}});
  EXPECT_EQ(next(), 0U);
  device_.restore({});
  EXPECT_EQ(next(), 0U);
}

}  // namespace
}  // namespace samepage::vmm
