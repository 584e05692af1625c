// SPDX-License-Identifier: Apache-2.0
#include "bench/swap_space.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace samepage::bench {
namespace {

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

TEST(SwapSpace, HeaderIsWhatTheKernelReads) {
  const std::string header = swap_header(100);
  ASSERT_EQ(header.size(), 4096U);
  EXPECT_EQ(header.substr(4086), "SWAPSPACE2");
  EXPECT_EQ(number_at(header, 1024), 1U) << "version";
  EXPECT_EQ(number_at(header, 1028), 99U) << "the last page";
  EXPECT_EQ(number_at(header, 1032), 0U) << "bad pages";
}

TEST(SwapSpace, WhatIsUsedIsReadByTheWholePath) {
  const std::string swaps =
      "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
      "/var/tmp/a/swap                         file\t\t1024\t\t7\t\t-2\n"
      "/var/tmp/a/swap2                        file\t\t1024\t\t9\t\t-3\n";
  EXPECT_EQ(used_swap(swaps, "/var/tmp/a/swap"), 7U << 10);
  EXPECT_EQ(used_swap(swaps, "/var/tmp/a/swap2"), 9U << 10);
  EXPECT_EQ(used_swap(swaps, "/var/tmp/a"), 0U);
  EXPECT_EQ(used_swap("", "/var/tmp/a"), 0U);
}

}  // namespace
}  // namespace samepage::bench
