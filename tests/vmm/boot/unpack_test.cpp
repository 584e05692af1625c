// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/unpack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "tests/vmm/boot/kernel_image.hpp"

namespace samepage::vmm {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::array all{Compression::gzip, Compression::xz, Compression::lz4, Compression::zstd};

/// Neither constant nor noise, and longer than one LZ4 block.
Bytes content() {
  Bytes bytes((std::size_t{8} << 20U) + 12345);
  std::mt19937 random(7);
  for (std::size_t i = 0; i < bytes.size(); i += 64) bytes[i] = static_cast<std::byte>(random());
  return bytes;
}

UnpackFault fault_of(std::span<const std::byte> payload) {
  const auto result = unpack(payload);
  return std::holds_alternative<UnpackFault>(result) ? std::get<UnpackFault>(result) : UnpackFault{99};
}

TEST(Unpack, GivesBackWhatWasPacked) {
  const Bytes original = content();
  for (const Compression compression : all) {
    const Bytes payload = test::packed(compression, original);
    EXPECT_EQ(compression_of(payload), compression);
    const auto result = unpack(payload);
    ASSERT_TRUE(std::holds_alternative<Unpacked>(result));
    const auto unpacked = std::get<Unpacked>(result).content();
    EXPECT_TRUE(std::equal(unpacked.begin(), unpacked.end(), original.begin(), original.end()));
  }
}

TEST(Unpack, OtherCompressionsAreLeftToTheKernel) {
  const std::array bzip2{std::byte{'B'}, std::byte{'Z'}, std::byte{'h'}, std::byte{'9'}};
  EXPECT_EQ(fault_of(bzip2), UnpackFault::unknown_compression);
  EXPECT_EQ(fault_of({}), UnpackFault::unknown_compression);
}

// 600 MiB of zeros in a few hundred kilobytes: refused before a byte of it is unpacked.
TEST(Unpack, BombThatSaysSoIsRefused) {
  const Bytes small(4096);
  for (const Compression compression : {Compression::xz, Compression::lz4, Compression::zstd}) {
    EXPECT_EQ(fault_of(test::with_size(test::packed(compression, small), 600U << 20U)),
              UnpackFault::too_large);
  }
}

// It says 4 KiB, and would give 64 MiB: nothing is written behind the 4 KiB (the sanitizers look on).
TEST(Unpack, BombThatLiesIsStopped) {
  const Bytes large(std::size_t{64} << 20U);
  for (const Compression compression : all) {
    Bytes payload = test::packed(compression, large);
    test::poke(payload, payload.size() - 4, std::uint32_t{4096});
    EXPECT_EQ(fault_of(payload), UnpackFault::damaged);
  }
}

TEST(Unpack, LessThanItSaysIsDamaged) {
  for (const Compression compression : all) {
    Bytes payload = test::packed(compression, Bytes(5000, std::byte{1}));
    test::poke(payload, payload.size() - 4, std::uint32_t{5001});
    EXPECT_EQ(fault_of(payload), UnpackFault::damaged);
  }
}

TEST(Unpack, EveryTruncationIsDamaged) {
  Bytes original(3000);
  std::mt19937 random(3);
  for (std::byte& byte : original) byte = static_cast<std::byte>(random());
  for (const Compression compression : all) {
    const Bytes payload = test::packed(compression, original);
    for (std::size_t length = 8; length + 5 < payload.size(); length += 7) {
      Bytes cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(length));
      test::poke(cut, cut.size() - 4, static_cast<std::uint32_t>(original.size()));
      EXPECT_TRUE(std::holds_alternative<UnpackFault>(unpack(cut))) << length;
    }
  }
}

TEST(Unpack, SpoiledPayloadsDoNotCrashIt) {
  const Bytes original(20'000, std::byte{5});
  std::mt19937 random(5);
  for (const Compression compression : all) {
    const Bytes payload = test::packed(compression, original);
    for (int round = 0; round < 2000; ++round) {
      Bytes spoiled = payload;
      for (int i = 0; i < 3; ++i) spoiled[random() % (spoiled.size() - 4)] = static_cast<std::byte>(random());
      static_cast<void>(unpack(spoiled));
    }
  }
}

}  // namespace
}  // namespace samepage::vmm
