// SPDX-License-Identifier: Apache-2.0
#include "dedup/protocol.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup::wire {
namespace {

TEST(Protocol, AVerdictComesBackAsItWas) {
  const Verdict verdict{{{1, 2, 3}, {9, 8, 7}}, {{4, 5}}};
  const auto decoded = decode_verdict(encode(verdict));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->grants.size(), 2U);
  EXPECT_EQ(decoded->grants[1].frame, FrameId{8});
  ASSERT_EQ(decoded->donate.size(), 1U);
  EXPECT_EQ(decoded->donate[0].slot, 5U);
}

TEST(Protocol, ATruncatedVerdictIsRefusedAtEveryLength) {
  const auto whole = encode(Verdict{{{1, 2, 3}}, {{4, 5}}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto decoded = decode_verdict(std::span(whole).first(length));
    // Exactly between the two lists it is a verdict without donations.
    EXPECT_EQ(decoded.has_value(), length == sizeof(std::uint32_t) + sizeof(Grant)) << length;
  }
}

TEST(Protocol, AListLongerThanItsMessageIsRefused) {
  auto bytes = encode(Merged{{{1, 2}}, {}});
  bytes[3] = std::byte{0xff};
  EXPECT_FALSE(decode_merged(bytes));
}

TEST(Protocol, ConsecutivePagesAreOneRange) {
  std::vector<PageRange> ranges;
  for (const std::uint32_t page : {4U, 5U, 6U, 9U}) append_page(ranges, {page});
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].count, 3U);
}

TEST(Protocol, AGrantRunsOnlyWherePagesAndFramesDo) {
  std::vector<Grant> grants;
  append_grant(grants, {4}, {10});
  append_grant(grants, {5}, {11});
  append_grant(grants, {6}, {13});
  append_grant(grants, {8}, {14});
  ASSERT_EQ(grants.size(), 3U);
  EXPECT_EQ(grants[0].count, 2U);
}

TEST(Protocol, AListIsSentInPartsThatFitAMessage) {
  std::vector<PageRange> list;
  for (std::uint32_t i = 0; i < 200'000; ++i) list.push_back({2 * i, 1});
  std::vector<PageRange> sent;
  EXPECT_TRUE(send_in_parts<PageRange>(list, max_entries, [&](std::span<const PageRange> part) {
    EXPECT_LE(part.size_bytes(), max_payload);
    EXPECT_FALSE(part.empty());
    sent.insert(sent.end(), part.begin(), part.end());
    return true;
  }));
  ASSERT_EQ(sent.size(), list.size());
  EXPECT_EQ(sent, list);
}

TEST(Protocol, NothingMoreIsSentToAPeerThatIsGone) {
  const std::vector<PageRange> list(3 * max_entries);
  int parts = 0;
  EXPECT_FALSE(send_in_parts<PageRange>(list, max_entries, [&](auto) { return ++parts < 2; }));
  EXPECT_EQ(parts, 2);
}

}  // namespace
}  // namespace samepage::dedup::wire
