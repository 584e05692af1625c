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

// Of a guest of 100 pages.
Report sound_report() {
  Report report;
  report.passes = 3;
  report.zero_pages = 10;
  report.volatile_pages = 5;
  report.agent_bytes = 4096;
  report.ram_pages = 100;
  report.own_pages = 20, report.shared_pages = 30, report.untouched_pages = 40;
  report.hold_times.holds[1] = 7;
  report.lacks[0] = {12'000, 340};
  return report;
}

TEST(Protocol, AReportIsReadWholeOrAsOlderAgentsSendIt) {
  const Report report = sound_report();
  const auto whole = decode_report(bytes_of(report), 100);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->untouched_pages, 40U);
  EXPECT_EQ(whole->hold_times.count(), 7U);
  EXPECT_EQ(whole->lacks[0].waiting, 340U);
  const auto former = decode_report(bytes_of(report).first(report_without_shortages), 100);
  ASSERT_TRUE(former);
  EXPECT_EQ(former->untouched_pages, 40U);
  EXPECT_EQ(former->lacks[0].waiting, 0U);
  EXPECT_TRUE(decode_report(bytes_of(report).first(report_without_room), 100));
  const auto part = decode_report(bytes_of(report).first(short_report), 100);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->zero_pages, 10U);
  EXPECT_EQ(part->ram_pages, 0U);
  EXPECT_EQ(part->hold_times.count(), 0U);
  for (std::size_t length = 0; length < sizeof(Report); ++length) {
    const bool known = length == short_report || length == report_without_paging ||
                       length == report_without_shortages || length == report_without_room;
    EXPECT_EQ(decode_report(bytes_of(report).first(length), 100).has_value(), known) << length;
  }
}

TEST(Protocol, AReportThatCannotBeTrueIsRefused) {
  const std::uint64_t most = ~std::uint64_t{0};
  for (const auto field : {&Report::passes,           &Report::breaks,          &Report::zero_pages,
                           &Report::volatile_pages,   &Report::holds,           &Report::hold_max_us,
                           &Report::agent_bytes,      &Report::failed_merges,   &Report::tracks_writes,
                           &Report::ram_pages,        &Report::backed_pages,    &Report::own_pages,
                           &Report::shared_pages,     &Report::untouched_pages, &Report::unaffordable_pages,
                           &Report::lost_store_pages, &Report::merges,          &Report::errors,
                           &Report::merge_cpu_us,     &Report::paged_pages,     &Report::paged_resident_pages,
                           &Report::paged_out,        &Report::came_back,       &Report::available_bytes,
                           &Report::limit_bytes,      &Report::stands_still}) {
    Report report = sound_report();
    report.*field = most;
    EXPECT_FALSE(decode_report(bytes_of(report), 100)) << (field == &Report::own_pages);
  }
  Report report = sound_report();
  report.hold_times.sum_us = most;
  EXPECT_FALSE(decode_report(bytes_of(report), 100));
  report = sound_report();
  report.hold_times.holds[HoldTimes::buckets - 1] = most;
  EXPECT_FALSE(decode_report(bytes_of(report), 100));
  for (const auto field : {&Lack::lasts_ms, &Lack::waiting}) {
    report = sound_report();
    report.lacks[resource_count - 1].*field = most;
    EXPECT_FALSE(decode_report(bytes_of(report), 100));
  }
  report = sound_report();
  ++report.own_pages;
  EXPECT_FALSE(decode_report(bytes_of(report), 100)) << "more than there are in all";
  EXPECT_FALSE(decode_report(bytes_of(sound_report()), 99)) << "another guest's";
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
