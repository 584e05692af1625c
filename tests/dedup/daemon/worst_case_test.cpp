// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/worst_case.hpp"

#include <gtest/gtest.h>

#include "base/types.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint64_t page = page_size;
constexpr std::uint64_t cgroup = 5;

wire::Report report(std::uint64_t shared, std::uint64_t zero, std::uint64_t place, std::uint64_t available) {
  wire::Report report;
  report.shared_pages = shared;
  report.zero_pages = zero;
  report.own_pages = 1000;
  report.place = place;
  report.available_bytes = available;
  report.limit_bytes = 1;
  return report;
}

TEST(WorstCase, EveryPageThatIsSharedOrZeroWouldTakeMemory) {
  WorstCases cases(100 * page);
  cases.add(report(30, 7, WorstCases::host, 100 * page));
  EXPECT_EQ(cases.of_host().needed, 37 * page);
  EXPECT_EQ(cases.of_host().available, 100 * page);
  EXPECT_EQ(cases.uncovered(), 0U);
  cases.add(report(60, 13, WorstCases::host, 100 * page));
  EXPECT_EQ(cases.of_host().guests, 2U);
  EXPECT_EQ(cases.uncovered(), 10 * page);
}

TEST(WorstCase, AGuestInACgroupCountsThereAndOnTheHost) {
  WorstCases cases(1000 * page);
  cases.add(report(30, 0, cgroup, 50 * page));
  cases.add(report(30, 0, cgroup, 40 * page));  // it has looked later
  cases.add(report(500, 0, WorstCases::host, 1000 * page));
  EXPECT_EQ(cases.of_host().needed, 560 * page);
  EXPECT_EQ(cases.places().at(cgroup).needed, 60 * page);
  EXPECT_EQ(cases.places().at(cgroup).available, 40 * page);
  EXPECT_EQ(cases.uncovered(), 20 * page) << "where most is missing";
}

WorstCases host_with(std::uint64_t available, std::uint64_t shared) {
  WorstCases cases(available * page);
  cases.add(report(shared, 0, WorstCases::host, available * page));
  return cases;
}

TEST(WorstCase, ItIsToldOnceAndOverOnlyWhenThereIsSomeToSpare) {
  UncoveredPlaces places;
  EXPECT_TRUE(places.compare(host_with(100, 100)).begins.empty());
  EXPECT_EQ(places.compare(host_with(100, 101)).begins.size(), 1U);
  EXPECT_TRUE(places.compare(host_with(100, 150)).begins.empty()) << "it was told";
  EXPECT_TRUE(places.compare(host_with(100, 95)).over.empty());
  EXPECT_TRUE(places.compare(host_with(100, 101)).begins.empty()) << "it has not been over";
  EXPECT_EQ(places.compare(host_with(100, 90)).over.size(), 1U);
  EXPECT_TRUE(places.compare(host_with(100, 80)).over.empty());
  EXPECT_EQ(places.compare(host_with(100, 101)).begins.size(), 1U);
}

TEST(WorstCase, APlaceWhoseGuestsAreGoneIsForgotten) {
  UncoveredPlaces places;
  WorstCases with(1000 * page);
  with.add(report(30, 0, cgroup, 10 * page));
  EXPECT_EQ(places.compare(with).begins, std::vector{cgroup});
  EXPECT_TRUE(places.compare(host_with(1000, 0)).over.empty());
  EXPECT_EQ(places.compare(with).begins, std::vector{cgroup});
}

}  // namespace
}  // namespace samepage::dedup
