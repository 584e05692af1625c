// SPDX-License-Identifier: Apache-2.0
// How many mappings merging takes, and what it does where they are scarce.
#include <gtest/gtest.h>

#include "base/process_memory.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

using Mappings = FleetTest;

TEST_P(Mappings, NeighbouringPagesAreOneMapping) {
  FleetGuest& a = add(64);
  FleetGuest& b = add(64);
  for (std::size_t page = 0; page < 32; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 32U);
  // The region's run and what is left of its mapping.
  EXPECT_LE(a.map().front().range.pages.value, 32U);
  EXPECT_LE(fleet_.figure("vmas"), 4U);
}

TEST_P(Mappings, WhenMappingsAreScarceBrokenRunsMakeRoomForOthers) {
  GuestOptions options = GetParam();
  options.vma_limit = 16;
  FleetGuest& a = fleet_.add(128, options);
  FleetGuest& b = add(128);
  // Every other page, so that each merge takes mappings.
  for (std::size_t page = 0; page < 60; page += 2) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  const std::size_t at_first = a.frames_mapped();
  EXPECT_GT(at_first, 0U);
  EXPECT_LT(at_first, 30U);  // no more than there are mappings for
  for (std::size_t page = 0; page < 60; page += 2) a.fill(page, 1000 + page);  // all of them break
  fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 0U);
  fleet_.check_everything("after the runs were unmerged");
  for (std::size_t page = 64; page < 80; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  for (int i = 0; i < 3; ++i) fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 16U);
  fleet_.check_everything("after others took their place");
}

TEST_P(Mappings, AGuestCannotTakeAllMappingsByTearingARunApart) {
  GuestOptions options = GetParam();
  options.vma_limit = 16;
  FleetGuest& a = fleet_.add(128, options);
  FleetGuest& b = add(128);
  for (std::size_t page = 0; page < 64; ++page) {
    a.fill(page, 100 + page);
    b.fill(page, 100 + page);
  }
  fleet_.settle();
  ASSERT_EQ(a.frames_mapped(), 64U);
  const auto mappings = [&] {
    const auto start = reinterpret_cast<std::uint64_t>(a.ram.data());  // SAFETY: compared, never followed
    return mappings_in(start, start + a.ram.size()).size();
  };
  for (std::size_t page = 0; page < 64; page += 2) a.fill(page, 0);
  for (int i = 0; i < 3; ++i) fleet_.settle();
  EXPECT_LE(mappings(), 24U);
  fleet_.check_memory("after every other page became zero");
  std::vector<GfnRange> given_up;
  for (std::uint64_t page = 1; page < 64; page += 4) given_up.push_back({Gfn{page}, PageCount{1}});
  a.worker->discard(given_up);
  EXPECT_LE(mappings(), 24U);
}

INSTANTIATE_TEST_SUITE_P(Tracked, Mappings, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
