// SPDX-License-Identifier: Apache-2.0
// What agents and daemon do when a resource is refused: guests run on, the shortage is told by its name, and
// when it ends merging reaches what it would have reached without it.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "base/fault_point.hpp"
#include "base/json.hpp"
#include "dedup/shortage.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::size_t same_pages = 40;

class Shortage : public FleetTest {
 protected:
  void TearDown() override {
    if (has_fault_points()) arm_fault_points("");
  }

  /// Every other page of both guests is the same: each merge takes mappings.
  static void make_alike(FleetGuest& a, FleetGuest& b) {
    for (std::size_t page = 0; page < 2 * same_pages; page += 2) {
      a.fill(page, 100 + page);
      b.fill(page, 100 + page);
    }
  }
  /// What both come to, with `fault` in each call of its kind.
  void settle_alike(FleetGuest& a, FleetGuest& b, const std::string& fault) {
    make_alike(a, b);
    arm_fault_points(fault);
    fleet_.settle();
  }
  void check_all_afterwards() {
    fleet_.check_everything("afterwards");
    fleet_.check_references("afterwards");
  }
  /// Passes until it is so: a retry has a pause before it.
  [[nodiscard]] bool comes_to(const std::function<bool()>& is_so) {
    for (const auto end = Clock::now() + std::chrono::minutes(2); Clock::now() < end;) {
      if (is_so()) return true;
      fleet_.pass();
    }
    return false;
  }
  /// Guests go on writing meanwhile.
  void write_and_check(FleetGuest& a, FleetGuest& b, const std::string& when) {
    a.fill(100, ++content_);
    b.fill(101, ++content_);
    fleet_.settle();
    ASSERT_NO_FATAL_FAILURE(fleet_.check_everything(when));
    ASSERT_NO_FATAL_FAILURE(fleet_.check_memory(when));
  }
  [[nodiscard]] json of_host() const { return fleet_.host().at("shortages"); }
  /// As the daemon has heard it.
  [[nodiscard]] json of(const FleetGuest& guest) const {
    const json statistics = fleet_.statistics();
    for (const json& told : statistics.at("guests")) {
      if (told.at("name") == guest.name) return told.at("shortages");
    }
    return {};
  }
  [[nodiscard]] bool all_merged() const { return fleet_.figure("pages_sharing") == same_pages; }

  std::uint64_t content_ = 100'000;
};

class WithFaults : public Shortage {
 protected:
  void SetUp() override {
    if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  }
};

TEST_P(Shortage, OfMappingsIsToldAndEndsWhenThereAreMore) {
  GuestOptions options = GetParam();
  options.vma_limit = 16;
  FleetGuest& a = fleet_.add(128, options);
  FleetGuest& b = add(128);
  make_alike(a, b);
  fleet_.settle();
  fleet_.settle();
  ASSERT_LT(a.frames_mapped(), same_pages);
  ASSERT_NO_FATAL_FAILURE(write_and_check(a, b, "while mappings are short"));
  const json told = of(a);
  ASSERT_EQ(told.size(), 1U) << told;
  EXPECT_EQ(told.at(0).at("resource"), "mappings");
  EXPECT_EQ(told.at(0).at("waiting"), same_pages - a.frames_mapped());
  EXPECT_GT(told.at(0).at("lasts_ms"), 0);
  EXPECT_TRUE(of(b).empty()) << "the other one has enough";
  EXPECT_TRUE(of_host().empty()) << of_host();

  a.vma_limit = 1000;  // somebody has raised vm.max_map_count
  ASSERT_TRUE(comes_to([&] { return all_merged(); }));
  EXPECT_TRUE(comes_to([&] { return of(a).empty(); })) << of(a);
  EXPECT_TRUE(a.worker->counters().shortages.empty());
  check_all_afterwards();
}

// ulimit -f holds for files in memory too.
TEST_P(Shortage, OfRoomInTheStoreByARealLimit) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  make_alike(a, b);
  {
    const LimitedFileSize limit(page_size);
    fleet_.settle();
    ASSERT_EQ(fleet_.figure("pages_shared"), 0U);
    ASSERT_NO_FATAL_FAILURE(write_and_check(a, b, "while the store can't grow"));
    EXPECT_EQ(of_host().size(), 1U) << of_host();
  }
  ASSERT_TRUE(comes_to([&] { return all_merged(); })) << fleet_.host();
  EXPECT_TRUE(of_host().empty()) << of_host();
  fleet_.check_references("afterwards");
}

TEST_P(WithFaults, OfMemoryForMappingsIsWaitedOutWithoutHoldingGuestsAllTheTime) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  make_alike(a, b);
  arm_fault_points("page-mapping:1+:ENOMEM");
  const auto start = Clock::now();
  fleet_.settle();
  ASSERT_EQ(fleet_.figure("pages_sharing"), 0U);
  const std::uint64_t holds = a.barrier.holds();
  for (int i = 0; i < 60; ++i) fleet_.pass();
  // Each try is a hold, and the pauses between them double.
  std::uint64_t tries = 1;
  for (auto pause = Shortages::shortest_pause, sum = pause; sum <= Clock::now() - start; ++tries) {
    pause = std::min(2 * pause, Shortages::longest_pause);
    sum += pause;
  }
  EXPECT_LE(a.barrier.holds() - holds, tries);
  ASSERT_NO_FATAL_FAILURE(write_and_check(a, b, "while the kernel refuses mappings"));
  for (const FleetGuest* guest : {&a, &b}) {
    const auto all_wait = [&] {  // but while they are offered once more
      const json told = of(*guest);
      return told.size() == 1 && told.at(0).at("waiting") == same_pages &&
             (told.at(0).at("resource") == "memory" || told.at(0).at("resource") == "commit");
    };
    EXPECT_TRUE(comes_to(all_wait)) << of(*guest);
  }
  EXPECT_EQ(a.worker->counters().failed_merges, 0U) << "none of them had changed";

  arm_fault_points("");
  ASSERT_TRUE(comes_to([&] { return all_merged(); }));
  EXPECT_TRUE(comes_to([&] { return of(a).empty() && of(b).empty(); }));
  check_all_afterwards();
}

// What waited is offered once more, and nobody has the same any more: nothing asks for mappings.
TEST_P(WithFaults, OfMemoryForMappingsLastsUntilTheKernelGivesSome) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  settle_alike(a, b, "page-mapping:1+:ENOMEM");
  ASSERT_EQ(of(a).size(), 1U);
  fleet_.kill(b);
  const auto waiting = [&] { return a.worker->states().count(PageStates::State::unaffordable); };
  ASSERT_TRUE(comes_to([&] { return waiting() == 0; }));
  std::int64_t lasted = 0;
  for (int i = 0; i < 20; ++i) {
    fleet_.pass();
    const json told = of(a);
    ASSERT_EQ(told.size(), 1U) << "it is said to be over";
    ASSERT_GE(told.at(0).at("lasts_ms").get<std::int64_t>(), lasted) << "it has begun anew";
    lasted = told.at(0).at("lasts_ms");
  }
  arm_fault_points("");
  EXPECT_TRUE(comes_to([&] { return of(a).empty(); })) << of(a);
  fleet_.check_everything("afterwards");
}

TEST_P(WithFaults, OfMemoryForFramesIsToldAndEndsByItself) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  settle_alike(a, b, "frame-writing:1+:ENOSPC");
  ASSERT_EQ(fleet_.figure("pages_shared"), 0U);
  ASSERT_NO_FATAL_FAILURE(write_and_check(a, b, "while there is no memory for frames"));
  const json told = of_host();
  ASSERT_EQ(told.size(), 1U) << told;
  EXPECT_TRUE(told.at(0).at("resource") == "memory" || told.at(0).at("resource") == "commit") << told;
  EXPECT_EQ(told.at(0).at("waiting"), 2 * same_pages);
  EXPECT_EQ(fleet_.figure("pages_pending"), 2 * same_pages);

  arm_fault_points("");
  ASSERT_TRUE(comes_to([&] { return all_merged(); })) << fleet_.host();
  EXPECT_TRUE(of_host().empty()) << of_host();
  check_all_afterwards();
}

// While frames can't be made: what waits is written, its guest goes, and another one loads an image.
TEST_P(WithFaults, OfMemoryForFramesLeavesEverythingElseAsItIs) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  settle_alike(a, b, "frame-writing:1+:ENOSPC");
  for (std::size_t page = 0; page < same_pages; page += 2) a.fill(page, ++content_);
  FleetGuest& c = add(128);
  std::vector<std::uint64_t> image;
  for (std::size_t page = 0; page < same_pages; ++page) image.push_back(100 + page);
  fleet_.load(c, 0, image);
  fleet_.settle();
  fleet_.kill(b);
  fleet_.settle();
  ASSERT_NO_FATAL_FAILURE(fleet_.check_everything("while there is no memory for frames"));
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);

  arm_fault_points("");
  // Of a, the pages from same_pages on are as before; c has only those below.
  FleetGuest& d = add(128);
  make_alike(a, d);
  const auto expected = [&] {
    return c.frames_mapped() >= same_pages / 2 && d.frames_mapped() >= same_pages;
  };
  ASSERT_TRUE(comes_to(expected)) << fleet_.host();
  EXPECT_TRUE(comes_to([&] { return of_host().empty(); }));
  check_all_afterwards();
}

TEST_P(WithFaults, OfMemoryForFramesThatNobodyWantsAnyMoreIsOver) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  settle_alike(a, b, "frame-writing:1+:ENOMEM");
  ASSERT_FALSE(of_host().empty());
  for (FleetGuest* guest : {&a, &b}) {
    for (std::size_t page = 0; page < 2 * same_pages; ++page) guest->fill(page, ++content_);
  }
  EXPECT_TRUE(comes_to([&] { return of_host().empty(); })) << of_host();
  fleet_.check_everything("afterwards");
}

TEST_P(WithFaults, OfMemoryForMessagesHoldsUpWhoWaitsForThemAndNobodyElse) {
  FleetGuest& a = add(128);
  FleetGuest& b = add(128);
  settle_alike(a, b, "daemon-sending:1+:ENOBUFS");
  ASSERT_EQ(fleet_.figure("pages_shared"), 0U) << "nobody was asked for bytes";
  const json told = of_host();
  ASSERT_EQ(told.size(), 1U) << told;
  EXPECT_EQ(told.at(0).at("resource"), "socket buffers");
  ASSERT_NO_FATAL_FAILURE(write_and_check(a, b, "while the kernel takes no messages"));

  arm_fault_points("");
  ASSERT_TRUE(comes_to([&] { return all_merged(); })) << fleet_.host();
  EXPECT_TRUE(of_host().empty()) << of_host();
  EXPECT_TRUE(a.worker->connected() && b.worker->connected());
  check_all_afterwards();
}

INSTANTIATE_TEST_SUITE_P(Tracked, Shortage, all_trackers(), kind_of);
INSTANTIATE_TEST_SUITE_P(Tracked, WithFaults, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
