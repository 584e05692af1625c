// SPDX-License-Identifier: Apache-2.0
// Pages that guests give up while they are shared, offered or given back.
#include <gtest/gtest.h>

#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {
namespace {

using Discards = FleetTest;

TEST_P(Discards, ADiscardedPageIsGoneAtOnceAndItsReferenceWithIt) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  for (FleetGuest* guest : {&a, &b}) {
    guest->fill(1, 42);
    guest->fill(2, 43);
  }
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_sharing"), 2U);
  a.fill(3, 44);      // not shared with anybody
  a.discard(0, 100);  // more than there is
  fleet_.check_everything("after a has given all up");
  for (const PageMapRun& run : a.map()) EXPECT_NE(run.state, PageState::frame);
  fleet_.exchange_messages();
  fleet_.check_everything("after the daemon has heard of it");
  EXPECT_EQ(fleet_.figure("pages_shared"), 2U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  b.discard(1, 2);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
}

TEST_P(Discards, ADiscardedPageIsUsedMergedAndDiscardedAgain) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  b.fill(5, 42);
  for (int round = 0; round < 5; ++round) {
    a.fill(1, 42);
    fleet_.settle();
    EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
    a.discard(1, 1);
    fleet_.check_everything("after the page was given up");
    fleet_.settle();
    EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  }
}

TEST_P(Discards, AnOfferOfADiscardedPageDoesNotStand) {
  FleetGuest& a = add(8);
  a.fill(1, 42);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_unshared"), 1U);
  a.discard(1, 1);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("pages_unshared"), 0U);
}

TEST_P(Discards, AGivenBackPageThatIsDiscardedIsNoSaving) {
  FleetGuest& a = add(8);
  a.fill(1, 42);
  a.fill(1, 0);
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("zero_pages"), 1U);
  a.discard(1, 1);
  fleet_.pass();
  EXPECT_EQ(fleet_.figure("zero_pages"), 0U);
}

TEST_P(Discards, WhatIsNoMemoryCannotBeDiscarded) {
  FleetGuest& a = add(8);
  a.fill(7, 42);
  a.worker->discard(std::array{GfnRange{Gfn{8}, PageCount{1000}}, GfnRange{Gfn{1U << 30U}, PageCount{1}}});
  fleet_.check_everything("after nothing was given up");
}

INSTANTIATE_TEST_SUITE_P(Tracked, Discards, all_trackers(), kind_of);

}  // namespace
}  // namespace samepage::dedup
