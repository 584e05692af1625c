// SPDX-License-Identifier: Apache-2.0
// Guests of a uniform domain: what is quiet is a frame, whoever else has it, in a mapping of its own.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/temporary_directory.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

GuestOptions in_uniform(GuestOptions options = {}) {
  options.domain = "d,uniform";
  return options;
}

class UniformDomain : public testing::TestWithParam<GuestOptions> {
 protected:
  FleetGuest& add(std::size_t pages) { return fleet_.add(pages, in_uniform(GetParam())); }

  Fleet fleet_;
};

TEST_P(UniformDomain, EveryQuietPageIsAFrame) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  a.fill(1, 42);  // both have it
  b.fill(3, 42);
  a.fill(2, 43);  // nobody else has it
  fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 2U);
  EXPECT_EQ(b.frames_mapped(), 1U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 2U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
  EXPECT_EQ(fleet_.figure("pages_unshared"), 0U);
  fleet_.check_references("when all is quiet");
  fleet_.check_everything("when all is quiet");
}

// A program in the guest that may write to a page would find out by time that the page is all zero.
TEST_P(UniformDomain, ZerosAreAContentLikeAnyOther) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  for (FleetGuest* guest : {&a, &b}) {
    guest->fill(0, 0);
    guest->fill(1, 0);
  }
  fleet_.settle();
  EXPECT_EQ(fleet_.figure("zero_pages"), 0U);
  EXPECT_EQ(a.frames_mapped(), 2U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 1U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 3U);
  a.write(page_size, 1);
  fleet_.settle();
  fleet_.check_everything("when one was written");
}

TEST_P(UniformDomain, APageThatWasWrittenIsAFrameAgain) {
  FleetGuest& a = add(8);
  FleetGuest& b = add(8);
  for (FleetGuest* guest : {&a, &b}) guest->fill(1, 42);
  a.fill(2, 43);
  fleet_.settle();
  a.write(page_size, 1);
  a.write(2 * page_size, 2);
  fleet_.pass();
  EXPECT_EQ(a.frames_mapped(), 0U);
  fleet_.settle();
  EXPECT_EQ(a.frames_mapped(), 2U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 3U);
  fleet_.check_everything("in the end");
}

INSTANTIATE_TEST_SUITE_P(Tracked, UniformDomain, testing::Values(write_protection, rehash, old_kernel),
                         kind_of);

TEST(Uniform, SharesNothingWithThePlainDomainOfItsName) {
  Fleet fleet;
  FleetGuest& plain = fleet.add(8, {.domain = "d"});
  FleetGuest& uniform = fleet.add(8, in_uniform());
  for (FleetGuest* guest : {&plain, &uniform}) guest->fill(1, 42);
  fleet.settle();
  EXPECT_EQ(plain.frames_mapped(), 0U);
  EXPECT_EQ(uniform.frames_mapped(), 1U);
  EXPECT_EQ(fleet.figure("pages_sharing"), 0U);
  EXPECT_EQ(fleet.figure("pages_unshared"), 1U);
}

// How the kernel maps a page that is read may depend on its neighbours in a mapping.
TEST(Uniform, NeighboursAreNoNeighboursInTheStore) {
  constexpr std::size_t pages = 512;
  Fleet fleet;
  FleetGuest& a = fleet.add(pages, in_uniform());
  FleetGuest& b = fleet.add(pages, in_uniform());
  for (std::size_t page = 0; page < pages; ++page) {
    a.fill(page, page + 1);
    b.fill(page, page + 1);
  }
  fleet.settle();
  ASSERT_EQ(b.frames_mapped(), pages);
  EXPECT_EQ(fleet.figure("pages_sharing"), pages);
  EXPECT_GT(fleet.figure("vmas"), 2 * pages * 9 / 10);
}

// Which pages get none must not depend on what others have: the first ones get them.
TEST(Uniform, WhereMappingsAreScarceTheContentDecidesNothing) {
  constexpr std::size_t pages = 64;
  Fleet fleet;
  FleetGuest& other = fleet.add(pages, in_uniform());
  for (std::size_t page = 0; page < pages; page += 2) other.fill(page, page + 1);
  fleet.settle();
  GuestOptions options = in_uniform();
  options.vma_limit = 40;
  FleetGuest& guest = fleet.add(pages, options);
  for (std::size_t page = 0; page < pages; ++page) guest.fill(page, page % 2 == 0 ? page + 1 : 1000 + page);
  fleet.settle();
  std::size_t frames_of_all = 0, frames_of_one = 0;
  for (const PageMapRun& run : guest.map()) {
    if (run.state != PageState::frame) continue;
    for (std::uint64_t i = 0; i < run.range.pages.value; ++i)
      ++((run.range.first.value + i) % 2 == 0 ? frames_of_all : frames_of_one);
  }
  EXPECT_GT(frames_of_all, 0U);
  EXPECT_LT(frames_of_all + frames_of_one, pages);
  EXPECT_LE(std::max(frames_of_all, frames_of_one) - std::min(frames_of_all, frames_of_one), 1U);
}

// How long that takes would tell what others have.
TEST(Uniform, AnImageIsCopied) {
  Fleet fleet;
  FleetGuest& a = fleet.add(16, in_uniform());
  fleet.load(a, 2, {1, 2, 3});
  EXPECT_EQ(fleet.figure("pages_shared"), 0U);
  EXPECT_TRUE(a.intact());
  fleet.settle();
  EXPECT_EQ(a.frames_mapped(), 3U);
}

TEST(Uniform, NothingGoesOut) {
  const TemporaryDirectory folder;
  Fleet fleet({}, {folder.path() + "/file"});
  FleetGuest& a = fleet.add(8, in_uniform());
  a.fill(1, 42);
  a.fill(2, 0);
  fleet.settle();
  EXPECT_FALSE(a.worker->paging().can_page_out());
  a.worker->paging().begin(8, PageOuts::Which::all);
  fleet.exchange_messages();
  EXPECT_EQ(a.pages_paged(), 0U);
  EXPECT_EQ(a.frames_mapped(), 2U);
  FleetGuest& plain = fleet.add(8);
  fleet.exchange_messages();
  EXPECT_TRUE(plain.worker->paging().can_page_out());
}

}  // namespace
}  // namespace samepage::dedup
