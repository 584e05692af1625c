// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/bzimage.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/vmm/boot/kernel_image.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using Bytes = std::vector<std::byte>;

Bytes good() {
  return test::bzimage(Bytes(5000, std::byte{7}));
}
BzImage parsed(std::span<const std::byte> file) {
  return std::get<BzImage>(parse_bzimage(file));
}
BzImageFault fault_of(std::span<const std::byte> file) {
  return std::get<BzImageFault>(parse_bzimage(file));
}

TEST(BzImage, HasItsParts) {
  const BzImage image = parsed(good());
  EXPECT_EQ(image.setup_header.offset, 0x1f1U);
  EXPECT_EQ(image.setup_header.bytes, 0x202U + 0x6a - 0x1f1);
  EXPECT_EQ(image.protected_mode.offset, 1024U);
  EXPECT_EQ(image.payload.offset, 1024U + 0x400);
  EXPECT_EQ(image.payload.bytes, 5000U);
  EXPECT_EQ(image.preferred.value, 0x100'0000U);
}

TEST(BzImage, NoSetupSectorsMeansFour) {
  Bytes file = good();
  test::poke(file, 0x1f1, std::uint8_t{0});
  test::poke(file, 0x24c, std::uint32_t{16});
  EXPECT_EQ(parsed(file).protected_mode.offset, 2560U);
}

TEST(BzImage, SetupSectorsBeyondTheFile) {
  Bytes file = good();
  test::poke(file, 0x1f1, std::uint8_t{255});
  EXPECT_EQ(fault_of(file), BzImageFault::truncated);
}

TEST(BzImage, PayloadBeyondTheFile) {
  for (const auto& [offset, length] :
       {std::pair{0xffff'ffffU, 1U}, {0x400U, 0xffff'ffffU}, {0x400U, 5001U}}) {
    Bytes file = good();
    test::poke(file, 0x248, offset);
    test::poke(file, 0x24c, length);
    EXPECT_EQ(fault_of(file), BzImageFault::payload_outside);
  }
}

TEST(BzImage, OldAnd32BitKernelsAreNamed) {
  Bytes file = good();
  test::poke(file, 0x206, std::uint16_t{0x20b});
  EXPECT_EQ(fault_of(file), BzImageFault::too_old);
  file = good();
  test::poke(file, 0x236, std::uint16_t{0x7e});
  EXPECT_EQ(fault_of(file), BzImageFault::not_64_bit);
}

TEST(BzImage, EveryTruncationIsSeen) {
  const Bytes file = good();
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_TRUE(std::holds_alternative<BzImageFault>(parse_bzimage(std::span(file).first(length)))) << length;
  }
}

TEST(BzImage, UnpacksItselfWhereItPrefers) {
  const auto image = std::get<Image>(self_unpacking_image(parsed(good())));
  EXPECT_EQ(image.protocol, BootProtocol::linux64);
  EXPECT_EQ(image.entry.value, 0x100'0200U);
  EXPECT_EQ(image.segments.at(0).file_offset, 1024U);
  EXPECT_EQ(image.end().value, 0x120'0000U);
}

TEST(BzImage, HostilePlacesAreRefused) {
  for (const std::uint64_t address : {0ULL, 0xf'ffffULL, 0xc000'0000ULL, 0xbfff'ffffULL, ~0ULL}) {
    Bytes file = good();
    test::poke(file, 0x258, address);
    EXPECT_TRUE(std::holds_alternative<ImageFault>(self_unpacking_image(parsed(file)))) << address;
  }
  Bytes file = good();
  test::poke(file, 0x260, 0xffff'ffffU);
  EXPECT_EQ(std::get<ImageFault>(self_unpacking_image(parsed(file))), ImageFault::segment_above_hole);
}

TEST(BzImage, PartsOfASpoiledImageLieInIt) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes file = good();
    for (int i = 0; i < 4; ++i) {
      file[0x1f1 + random() % 0x80] = static_cast<std::byte>(random());
    }
    const auto result = parse_bzimage(file);
    if (const auto* image = std::get_if<BzImage>(&result)) {
      ASSERT_LE(image->payload.offset + image->payload.bytes, file.size());
      ASSERT_LE(image->setup_header.offset + image->setup_header.bytes, file.size());
      static_cast<void>(self_unpacking_image(*image));
    }
  }
}

}  // namespace
}  // namespace samepage::vmm
