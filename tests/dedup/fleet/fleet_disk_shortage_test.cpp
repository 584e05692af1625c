// SPDX-License-Identifier: Apache-2.0
// Pages that are to go out while paging files, or their disks, have no room.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "base/fault_point.hpp"
#include "base/json.hpp"
#include "dedup/daemon/paging/paging_file.hpp"
#include "tests/dedup/fleet/fleet_paging.hpp"

namespace samepage::dedup {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::uint64_t segment_pages = pages_in(PagingFile::segment_bytes).value;

class FullDisks : public PagingFleet {
 protected:
  FullDisks() : PagingFleet(",max=8M") {}
  void TearDown() override {
    if (has_fault_points()) arm_fault_points("");
  }
  [[nodiscard]] json of_host() const { return fleet_.host().at("shortages"); }
  [[nodiscard]] bool is_short_of_disk() const {
    const json told = of_host();
    return told.size() == 1 && told.at(0).at("resource") == "disk";
  }
  [[nodiscard]] bool comes_to(const std::function<bool()>& is_so) {
    for (const auto end = Clock::now() + std::chrono::minutes(2); Clock::now() < end;) {
      if (is_so()) return true;
      fleet_.pass();
    }
    return false;
  }
  // Asks again and again, as agents do while memory is low.
  [[nodiscard]] bool goes_out(FleetGuest& guest, std::size_t pages) {
    return comes_to([&] {
      page_out(guest);
      return guest.pages_paged() == pages;
    });
  }
};

TEST_P(FullDisks, WhatFindsNoRoomStaysInMemoryUntilThereIsAnotherFile) {
  const std::size_t pages = segment_pages + 500;
  FleetGuest& guest = add(pages, 1);
  page_out(guest);
  EXPECT_EQ(guest.pages_paged(), segment_pages);
  EXPECT_TRUE(is_short_of_disk()) << of_host();
  guest.fill(5, 1'000'000);
  fleet_.settle();
  ASSERT_NO_FATAL_FAILURE(fleet_.check_everything("while the paging file is full"));

  fleet_.ask_paging({{"add", folder_.path() + "/second"}});
  EXPECT_TRUE(goes_out(guest, pages)) << guest.pages_paged() << " of " << pages;
  EXPECT_TRUE(comes_to([&] { return of_host().empty(); })) << of_host();
  fleet_.pass();
  fleet_.check_references("afterwards");
}

TEST_P(FullDisks, ADiskThatRefusesBytesIsWrittenAgainWhenItHasRoom) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  FleetGuest& a = add(64, 1);
  FleetGuest& b = add(64, 1);  // the same
  for (const char* fault : {"slot-writing:1+:ENOSPC", "slot-syncing:1+:ENOSPC"}) {
    fleet_.wait_for_disks();
    arm_fault_points(fault);
    page_out(a);
    EXPECT_EQ(a.pages_paged(), 0U);
    EXPECT_TRUE(is_short_of_disk()) << of_host();
    EXPECT_EQ(files().at(0).at("state"), "in use") << "it is not broken";
  }
  // What can't go out is shared as it would be.
  EXPECT_TRUE(comes_to([&] { return fleet_.figure("pages_sharing") == 64; })) << fleet_.host();
  a.fill(63, 2'000'000);
  fleet_.settle();
  ASSERT_NO_FATAL_FAILURE(fleet_.check_everything("while a disk refuses bytes"));

  fleet_.wait_for_disks();
  arm_fault_points("");
  for (std::size_t page = 0; page < 64; ++page) {
    a.fill(page, 3'000'000 + page);
    b.fill(page, 4'000'000 + page);
  }
  fleet_.pass();
  EXPECT_TRUE(goes_out(a, 64)) << a.pages_paged();
  EXPECT_TRUE(comes_to([&] { return of_host().empty(); })) << of_host();
  fleet_.pass();
  fleet_.check_references("afterwards");
}

INSTANTIATE_TEST_SUITE_P(Tracked, FullDisks, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
