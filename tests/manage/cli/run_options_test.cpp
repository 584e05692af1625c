// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/run_options.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

using Kind = vmm::DomainChoice::Kind;

TEST(ParseRom, TakesAFileAndAPageAlignedAddress) {
  const auto rom = parse_rom("boot.bin@0xf0000000");
  ASSERT_TRUE(rom);
  EXPECT_EQ(rom->path, "boot.bin");
  EXPECT_EQ(rom->address, Gpa{0xf0000000});
}

TEST(ParseRom, TakesTheLastAtSign) {
  const auto rom = parse_rom("user@host/boot.bin@3G");
  ASSERT_TRUE(rom);
  EXPECT_EQ(rom->path, "user@host/boot.bin");
  EXPECT_EQ(rom->address, Gpa{std::uint64_t{3} << 30});
}

TEST(ParseRom, RefusesWhatLacksAPartOrAlignment) {
  for (const char* text : {"", "boot.bin", "@0x1000", "boot.bin@", "boot.bin@0x", "boot.bin@0x1001",
                           "boot.bin@0x10g", "boot.bin@-4096", "boot.bin@0x10000000000000000"}) {
    EXPECT_FALSE(parse_rom(text)) << text;
  }
}

TEST(ParseDomain, KnowsItsTwoWordsAndLabels) {
  EXPECT_EQ(parse_domain("none")->kind, Kind::none);
  EXPECT_EQ(parse_domain("zero-only")->kind, Kind::zero_only);
  EXPECT_EQ(parse_domain("tenant-a")->kind, Kind::label);
  EXPECT_EQ(parse_domain("tenant-a")->label, "tenant-a");
  EXPECT_EQ(parse_domain("tenant-a,uniform")->kind, Kind::label);
  EXPECT_EQ(parse_domain("tenant-a,uniform")->label, "tenant-a,uniform");
  for (const char* text : {"uniform", "none,uniform", "tenant-a,", "tenant-a,other", "-a"}) {
    EXPECT_FALSE(parse_domain(text)) << text;
  }
  EXPECT_FALSE(parse_domain(""));
  EXPECT_FALSE(parse_domain("two words"));
}

TEST(ParseDomain, IsTheReverseOfItsText) {
  for (const char* text : {"none", "zero-only", "default", "x", "x,uniform"})
    EXPECT_EQ(parse_domain(text)->text(), text);
}

}  // namespace
}  // namespace samepage::cli
