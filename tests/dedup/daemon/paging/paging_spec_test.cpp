// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/paging_spec.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(parse_paging_spec(text));
  } catch (const UserError& error) {
    return error.what();
  }
  return "it was taken";
}

TEST(PagingSpec, APathIsEnough) {
  const PagingSpec spec = parse_paging_spec("/var/lib/paging");
  EXPECT_EQ(spec.path, "/var/lib/paging");
  EXPECT_EQ(spec.initial, 64 * mebibyte);
  EXPECT_EQ(spec.max, 1024 * mebibyte);
}

TEST(PagingSpec, SizesMayBeInAnyOrder) {
  const PagingSpec spec = parse_paging_spec("/p,max=4G,initial=128M");
  EXPECT_EQ(spec.initial, 128 * mebibyte);
  EXPECT_EQ(spec.max, 4096 * mebibyte);
}

TEST(PagingSpec, OneSizeNeverContradictsTheOthersDefault) {
  EXPECT_EQ(parse_paging_spec("/p,initial=2G").max, 2048 * mebibyte);
  EXPECT_EQ(parse_paging_spec("/p,max=16M").initial, 16 * mebibyte);
  EXPECT_EQ(parse_paging_spec("/p,initial=0").initial, 0U);
}

TEST(PagingSpec, SizesAreWholeSegments) {
  const PagingSpec spec = parse_paging_spec("/p,initial=1,max=9M");
  EXPECT_EQ(spec.initial, 8 * mebibyte);
  EXPECT_EQ(spec.max, 16 * mebibyte);
  EXPECT_EQ(parse_paging_spec("/p,initial=16M,max=16M").max, 16 * mebibyte);
}

TEST(PagingSpec, APathIsMadeAbsolute) {
  EXPECT_EQ(parse_paging_spec("a/paging").path, std::filesystem::current_path().string() + "/a/paging");
}

TEST(PagingSpec, WhatIsWrongIsSaid) {
  EXPECT_THAT(refusal(""), HasSubstr("needs a path"));
  EXPECT_THAT(refusal(",max=1G"), HasSubstr("needs a path"));
  EXPECT_THAT(refusal("/var/"), HasSubstr("is a directory"));
  EXPECT_THAT(refusal(std::string_view("/a\0b", 4)), HasSubstr("byte 0"));
  EXPECT_THAT(refusal("/p,size=1G"), HasSubstr("'size=1G'"));
  EXPECT_THAT(refusal("/p,max"), HasSubstr("'max'"));
  EXPECT_THAT(refusal("/p,"), HasSubstr("PATH[,initial=SIZE]"));
  EXPECT_THAT(refusal("/p,max=lots"), HasSubstr("'lots' is not a size"));
  EXPECT_THAT(refusal("/p,max=1G,max=2G"), HasSubstr("twice"));
  EXPECT_THAT(refusal("/p,max=0"), HasSubstr("no room"));
  EXPECT_THAT(refusal("/p,initial=10M,max=9M"), HasSubstr("9.0 MiB, is below its initial size, 10.0 MiB"));
  EXPECT_THAT(refusal("/p,max=8000P"), HasSubstr("more than a file can hold"));
  EXPECT_THAT(refusal("/p,initial=18446744073709551614"), HasSubstr("more than a file can hold"));
}

TEST(PagingSpec, ItsTextCanBeReadBack) {
  const PagingSpec spec = parse_paging_spec("/a/b c,max=24M");
  const PagingSpec again = parse_paging_spec(text_of(spec));
  EXPECT_EQ(again.path, spec.path);
  EXPECT_EQ(again.initial, spec.initial);
  EXPECT_EQ(again.max, spec.max);
}

}  // namespace
}  // namespace samepage::dedup
