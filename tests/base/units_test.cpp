// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"

#include <gtest/gtest.h>

#include "base/types.hpp"

namespace samepage {
namespace {

TEST(Units, SizesAreReadInIecUnits) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("512K"), 512U << 10);
  EXPECT_EQ(parse_size("64M"), 64U << 20);
  EXPECT_EQ(parse_size("2GiB"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("7B"), 7U);
  EXPECT_EQ(parse_size("1P"), std::uint64_t{1} << 50);
}

TEST(Units, SizesAreReadAsPeopleWriteThem) {
  for (const char* text : {"64m", "64MB", "64mb", "64MiB", "64mib", "64.0M", "65536K"}) {
    EXPECT_EQ(parse_size(text), 64U << 20) << text;
  }
  EXPECT_EQ(parse_size("3.5G"), std::uint64_t{7} << 29);
  EXPECT_EQ(parse_size("0.25k"), 256U);
  EXPECT_EQ(parse_size("1.99999999999999999999K"), 2047U) << "rounded down";
}

TEST(Units, WhatIsNoSizeIsRefused) {
  for (const char* text : {"", "M", "-1M", "12X", "64 M", "64MBB", "64iB", "1.G", ".5G", "1.5", "1.5B",
                           "1.5.5G", "1,5G", "99999999999999999999", "20000000T", "16384P"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Units, SizesAreWrittenWithOneDigit) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(std::uint64_t{64} << 20), "64.0 MiB");
  EXPECT_EQ(format_short_size(812), "812B");
  EXPECT_EQ(format_short_size(std::uint64_t{64} << 20), "64.0M");
  EXPECT_EQ(format_signed_size(-2048), "-2.0 KiB");
}

TEST(Types, PagesAndBytes) {
  EXPECT_EQ(pages_in(8191).value, 1U);
  EXPECT_EQ(pages_for(8193).value, 3U);
  EXPECT_EQ(Gfn{2}.gpa(), Gpa{0x2000});
  EXPECT_EQ(gfn_of(Gpa{0x2fff}), Gfn{2});
  EXPECT_TRUE((GfnRange{Gfn{4}, PageCount{2}}.contains(Gfn{5})));
  EXPECT_FALSE((GfnRange{Gfn{4}, PageCount{2}}.contains(Gfn{6})));
  EXPECT_EQ(frame_at(FrameId{7}.offset()), FrameId{7});
}

}  // namespace
}  // namespace samepage
