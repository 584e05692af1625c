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
}

TEST(Units, WhatIsNoSizeIsRefused) {
  for (const char* text :
       {"", "M", "-1M", "12X", "1.5G", "64 M", "64MB", "99999999999999999999", "20000000T"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Units, SizesAreWrittenWithOneDigit) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(std::uint64_t{64} << 20), "64.0 MiB");
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
