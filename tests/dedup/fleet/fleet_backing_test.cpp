// SPDX-License-Identifier: Apache-2.0
// Guests whose memory somebody copies while they run, and guests that go on from such a copy.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/mapping.hpp"
#include "base/process_memory.hpp"
#include "dedup/agent/backing.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint64_t offset = 2 * page_size;

// A file with the guest's memory as it is now.
class Copy {
 public:
  explicit Copy(const FleetGuest& guest) : bytes_(guest.pages * page_size) {
    check(::ftruncate(file_.get(), static_cast<off_t>(offset + bytes_)), "ftruncate");
    const Mapping to = Mapping::shared(file_.get(), bytes_, offset);
    std::memcpy(to.data(), guest.ram.data(), bytes_);
    content_ = Mapping::read_only(file_.get(), offset + bytes_);
  }
  [[nodiscard]] Backing backing(const std::vector<PageRange>& pages) const {
    Backing backing;
    for (const PageRange& range : pages) {
      backing.runs.push_back({range, offset + PageCount{range.first.value}.bytes(), file_.get()});
    }
    return backing;
  }

  /// As after a fork of the guest that copied these pages.
  void back(const FleetGuest& guest, const std::vector<PageRange>& pages) const {
    guest.worker->forked(checked_fd(::dup(file_.get()), "dup"), backing(pages).runs);
  }
  [[nodiscard]] std::span<const std::byte> content() const { return content_.bytes(); }

 private:
  std::size_t bytes_;
  UniqueFd file_ = checked_fd(::memfd_create("copy", MFD_CLOEXEC), "memfd_create");
  Mapping content_;
};

// Eight pages that both have.
void fill_alike(FleetGuest& a, FleetGuest& b) {
  for (std::size_t page = 0; page < 8; ++page) {
    for (FleetGuest* guest : {&a, &b}) guest->fill(page, 100 + page);
  }
}

std::uint64_t backed(const FleetGuest& guest) {
  return guest.worker->states().count(PageStates::State::backed);
}

TEST(BackedFleet, WhatAGuestHasInACopyIsThereOnce) {
  Fleet fleet;
  FleetGuest& guest = fleet.add(64);
  for (std::size_t page = 0; page < 32; ++page) guest.fill(page, 100 + page);
  const Copy copy(guest);
  guest.fill(3, 1);  // since then
  copy.back(guest, {{{0}, 32}});
  EXPECT_EQ(backed(guest), 31U);
  EXPECT_FALSE(guest.worker->states().is({3}, PageStates::State::backed));
  fleet.check_everything("after it was backed");
  fleet.settle();
  EXPECT_EQ(backed(guest), 31U);
  fleet.check_everything("after passes");
}

TEST(BackedFleet, WhatIsBackedByAnotherFileMovesToTheLastOne) {
  Fleet fleet;
  FleetGuest& guest = fleet.add(64);
  for (std::size_t page = 0; page < 32; ++page) guest.fill(page, 100 + page);
  const Copy first(guest);
  first.back(guest, {{{0}, 32}});
  guest.fill(3, 1);
  const Copy last(guest);
  last.back(guest, {{{0}, 32}});
  EXPECT_EQ(backed(guest), 32U);
  EXPECT_EQ(guest.map().size(), 2U);  // one run that is backed, and what is untouched
  const auto mapped = mappings_in(address_of(guest.page(0)), address_of(guest.page(32)));
  ASSERT_EQ(mapped.size(), 1U);  // and of the last file alone
  fleet.check_everything("after it was backed twice");
}

TEST(BackedFleet, ABackedPageThatIsWrittenIsMergedLikeAnyOther) {
  Fleet fleet;
  FleetGuest& a = fleet.add(64);
  FleetGuest& b = fleet.add(64);
  for (std::size_t page = 0; page < 16; ++page) a.fill(page, 100 + page);
  const Copy copy(a);
  copy.back(a, {{{0}, 16}});
  EXPECT_EQ(backed(a), 16U);
  for (std::size_t page = 4; page < 8; ++page) {
    a.fill(page, 500 + page);
    b.fill(page, 500 + page);
  }
  fleet.settle();
  EXPECT_EQ(backed(a), 12U);
  EXPECT_EQ(fleet.figure("pages_sharing"), 4U);
  fleet.check_everything("after they were merged");
  a.fill(5, 1);
  a.discard(0, 2);
  a.discard(6, 4);
  fleet.settle();
  fleet.check_everything("after they were written and given up");
  EXPECT_EQ(backed(a), 8U);
}

TEST(BackedFleet, AnOfferOfAPageThatIsBackedIsWithdrawn) {
  Fleet fleet;
  FleetGuest& a = fleet.add(64);
  for (std::size_t page = 0; page < 8; ++page) a.fill(page, 100 + page);
  fleet.settle();
  ASSERT_EQ(a.worker->states().count(PageStates::State::offered), 8U);
  const Copy copy(a);
  copy.back(a, {{{0}, 8}});
  EXPECT_EQ(backed(a), 8U);
  FleetGuest& b = fleet.add(64);
  for (std::size_t page = 0; page < 8; ++page) b.fill(page, 100 + page);
  fleet.settle();
  EXPECT_EQ(fleet.figure("pages_sharing"), 0U);
  EXPECT_EQ(fleet.figure("pages_unshared"), 8U);
  fleet.check_everything("after another guest came");
}

TEST(BackedFleet, MergedPagesStayMerged) {
  Fleet fleet;
  FleetGuest& a = fleet.add(64);
  FleetGuest& b = fleet.add(64);
  fill_alike(a, b);
  fleet.settle();
  ASSERT_EQ(fleet.figure("pages_sharing"), 8U);
  const Copy copy(a);
  copy.back(a, {{{0}, 64}});
  EXPECT_EQ(fleet.figure("pages_sharing"), 8U);
  fleet.check_everything("after it was backed");
}

TEST(BackedFleet, MemoryIsPutBackWhateverBecameOfIt) {
  Fleet fleet;
  FleetGuest& a = fleet.add(64);
  FleetGuest& b = fleet.add(64);
  for (std::size_t page = 0; page < 16; ++page) a.fill(page, 100 + page);
  const Copy copy(a);
  const Backing backing = copy.backing({{{0}, 16}});
  copy.back(a, {{{0}, 16}});
  ASSERT_EQ(backed(a), 16U);
  for (const std::size_t page : {2U, 3U, 20U, 21U}) {  // merged, in it and beside it
    a.fill(page, 500 + page);
    b.fill(page, 500 + page);
  }
  a.fill(5, 0);    // zero
  a.fill(30, 77);  // offered
  fleet.settle();
  ASSERT_EQ(fleet.figure("pages_sharing"), 4U);
  a.discard(7, 2);
  a.fill(9, 1);   // its own
  a.fill(40, 1);  // new
  EXPECT_GT(a.worker->put_back(backing), 0U);
  for (std::size_t page = 0; page < 64; ++page) {
    std::vector<std::byte> wanted(page_size);
    if (page < 16) std::memcpy(wanted.data(), copy.content().data() + offset + page * page_size, page_size);
    EXPECT_EQ(std::memcmp(a.page(page), wanted.data(), page_size), 0) << page;
    std::memcpy(a.shadow.data() + page * page_size, wanted.data(), page_size);
  }
  a.worker->tell_lost();
  EXPECT_EQ(backed(a), 16U);
  fleet.settle();
  EXPECT_EQ(fleet.figure("pages_sharing"), 0U);
  fleet.check_everything("after it was put back");
  a.fill(2, 9);
  a.fill(20, 9);
  fleet.settle();
  fleet.check_everything("after it went on");
}

// A page may lie in a mapping of one of the files, but of another one than it is to be in.
TEST(BackedFleet, MemoryIsPutBackToTheFileThatHasIt) {
  Fleet fleet;
  FleetGuest& guest = fleet.add(64);
  for (std::size_t page = 0; page < 16; ++page) guest.fill(page, 100 + page);
  const Copy first(guest);
  guest.fill(2, 777);
  const Copy second(guest);
  first.back(guest, {{{0}, 2}, {{3}, 5}});
  second.back(guest, {{{2}, 1}, {{8}, 8}});
  ASSERT_EQ(backed(guest), 16U);
  Backing backing = first.backing({{{0}, 8}});
  backing.runs.push_back(second.backing({{{8}, 8}}).runs.front());
  guest.fill(9, 5);
  guest.worker->put_back(backing);
  for (std::size_t page = 0; page < 16; ++page) {
    std::byte* const wanted = guest.shadow.data() + page * page_size;
    std::memcpy(wanted, first.content().data() + offset + page * page_size, page_size);
    EXPECT_EQ(std::memcmp(guest.page(page), wanted, page_size), 0) << page;
  }
  guest.worker->tell_lost();
  fleet.settle();
  fleet.check_everything("after it was put back");
}

// Which ways there are to know what was written.
class ReturningPages : public testing::TestWithParam<GuestOptions> {
 protected:
  static constexpr std::uint32_t count = 32;

  ReturningPages() {
    for (std::uint32_t page = 0; page < count; ++page) guest_.fill(page, 100 + page);
  }
  void SetUp() override {
    if (GetParam().tracker == TrackerKind::best && !guest_.worker->tracks_writes())
      GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  }
  // One mapping, of the file alone.
  void expect_one_mapping() const {
    EXPECT_EQ(mappings_in(address_of(guest_.page(0)), address_of(guest_.page(count))).size(), 1U);
  }

  Fleet fleet_;
  FleetGuest& guest_ = fleet_.add(64, GetParam());
};
INSTANTIATE_TEST_SUITE_P(Trackers, ReturningPages, testing::Values(write_protection, rehash, old_kernel),
                         kind_of);

TEST_P(ReturningPages, APageThatIsAgainWhatItWasIsItsFilesAgain) {
  const Copy copy(guest_);
  copy.back(guest_, {{{0}, count}});
  for (const std::size_t page : {3U, 4U, 9U}) guest_.fill(page, 1000 + page);
  fleet_.settle();
  ASSERT_EQ(backed(guest_), count - 3);
  guest_.fill(3, 103);
  guest_.fill(9, 109);
  fleet_.settle();
  EXPECT_EQ(backed(guest_), count - 1);
  fleet_.check_everything("after two of three are what they were");
  guest_.fill(4, 104);
  fleet_.settle();
  EXPECT_EQ(backed(guest_), count);
  EXPECT_EQ(fleet_.figure("pages_unshared"), 0U) << "no offer of it stands";
  expect_one_mapping();
  fleet_.check_everything("after all are what they were");
  guest_.fill(3, 7);
  fleet_.settle();
  fleet_.check_everything("after one was written once more");
}

TEST_P(ReturningPages, OneThatWasMergedOrGivenBackMeanwhileToo) {
  FleetGuest& other = fleet_.add(64, GetParam());
  const Copy copy(guest_);
  copy.back(guest_, {{{0}, count}});
  for (FleetGuest* guest : {&guest_, &other}) guest->fill(5, 500);
  guest_.fill(6, 0);
  guest_.discard(7, 1);
  fleet_.settle();
  ASSERT_EQ(fleet_.figure("pages_sharing"), 1U);
  ASSERT_EQ(backed(guest_), count - 3);
  for (const std::size_t page : {5U, 6U, 7U}) guest_.fill(page, 100 + page);
  fleet_.settle();
  EXPECT_EQ(backed(guest_), count);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  fleet_.check_everything("after they are what they were");
}

TEST_P(ReturningPages, TheLastForkCountsAndWhereItHasNothingAnEarlierOne) {
  const Copy first(guest_);
  first.back(guest_, {{{0}, count}});
  for (const std::size_t page : {3U, 4U}) guest_.fill(page, 1000 + page);
  const Copy last(guest_);
  guest_.worker->is_backed(first.backing({{{0}, count}}));  // as if it went on from the first
  last.back(guest_, {{{3}, 2}});
  fleet_.settle();
  ASSERT_EQ(backed(guest_), count);
  guest_.fill(3, 1);
  guest_.fill(4, 1);
  guest_.fill(5, 1);
  fleet_.settle();
  ASSERT_EQ(backed(guest_), count - 3);
  guest_.fill(3, 103);   // as in the first
  guest_.fill(4, 1004);  // as in the last
  guest_.fill(5, 105);   // in the first alone
  fleet_.settle();
  EXPECT_EQ(backed(guest_), count);
  fleet_.check_everything("after they are what they were in one of the files");
}

// A guest may write a page after it was looked at and before it is held.
TEST_P(ReturningPages, AWriteThatComesBeforeTheHoldIsNotLost) {
  const Copy copy(guest_);
  copy.back(guest_, {{{0}, count}});
  guest_.fill(3, 1);
  fleet_.settle();
  guest_.fill(3, 103);
  fleet_.pass();
  bool written = false;
  guest_.barrier.at_hold([&] {
    if (std::exchange(written, true)) return;
    guest_.write(3 * page_size + 8, 4711);
  });
  for (int pass = 0; pass < 4 && !written; ++pass) fleet_.pass();
  ASSERT_TRUE(written);
  fleet_.check_memory("after the write");
  fleet_.settle();
  fleet_.check_everything("after passes");
  EXPECT_EQ(backed(guest_), count - 1);
}

// A watch protects what was written; the next look at it finds no write. The frame would stay for ever.
TEST(BackedFleet, ABreakThatAWatchFindsIsTold) {
  Fleet fleet;
  FleetGuest& a = fleet.add(64);
  FleetGuest& b = fleet.add(64);
  if (!a.worker->tracks_writes()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  fill_alike(a, b);
  fleet.settle();
  ASSERT_EQ(fleet.figure("pages_sharing"), 8U);
  a.fill(2, 1);
  ASSERT_TRUE(a.worker->begin_watch());
  fleet.settle();
  EXPECT_EQ(fleet.figure("pages_sharing"), 7U);
  fleet.check_everything("after the watch");
}

TEST(BackedFleet, AWatchTellsOfAllThatIsWrittenUntilTheNextLook) {
  Fleet fleet;
  FleetGuest& a = fleet.add(64);
  FleetGuest& b = fleet.add(64);
  if (!a.worker->tracks_writes()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  fill_alike(a, b);
  a.fill(20, 7);
  fleet.settle();
  ASSERT_TRUE(a.worker->begin_watch());
  a.fill(2, 1);   // merged
  a.fill(20, 2);  // its own
  a.fill(40, 3);  // new
  std::vector<std::uint64_t> written;
  ASSERT_TRUE(a.worker->written_since_watch([&](const GfnRange& range) {
    for (Gfn gfn = range.first; gfn < range.end(); ++gfn) written.push_back(gfn.value);
  }));
  const auto& regions = a.worker->pages().regions();
  for (std::uint64_t& gfn : written) gfn -= regions.front().memory.first.value;
  EXPECT_EQ(written, (std::vector<std::uint64_t>{2, 20, 40}));
  fleet.settle();
  fleet.check_everything("after the watch");
  EXPECT_EQ(fleet.figure("pages_sharing"), 7U);
}

}  // namespace
}  // namespace samepage::dedup
