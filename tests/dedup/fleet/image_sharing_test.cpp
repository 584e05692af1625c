// SPDX-License-Identifier: Apache-2.0
// Guests that are loaded with an image: the first gives its pages to the store, later ones find them there,
// and nobody has made a pass.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "base/json.hpp"
#include "base/process_memory.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

class ImageSharingTest : public testing::TestWithParam<GuestOptions> {
 protected:
  FleetGuest& add() { return fleet_.add(32, GetParam()); }
  // Pages that are memory of the guest's own.
  static std::size_t own_pages(const FleetGuest& guest) {
    std::size_t pages = 0;
    for (const PageMapRun& run : guest.map()) {
      if (run.state == PageState::own) pages += run.range.pages.value;
    }
    return pages;
  }
  static std::size_t mappings(const FleetGuest& guest) {
    const auto start = reinterpret_cast<std::uint64_t>(guest.ram.data());  // SAFETY: compared, never followed
    return mappings_in(start, start + guest.ram.size()).size();
  }

  Fleet fleet_;
};

TEST_P(ImageSharingTest, TheFirstGuestRunsFromTheStore) {
  FleetGuest& a = add();
  fleet_.load(a, 4, {1, 2, 3, 4, 5});
  fleet_.check_everything("after loading");
  EXPECT_EQ(a.frames_mapped(), 5U);
  EXPECT_EQ(own_pages(a), 0U);
  EXPECT_EQ(mappings(a), 3U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 5U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 0U);
  EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
}

TEST_P(ImageSharingTest, TheSecondGuestSharesAllOfItBeforeAnyPass) {
  FleetGuest& a = add();
  FleetGuest& b = add();
  fleet_.load(a, 4, {1, 2, 3, 4, 5});
  fleet_.load(b, 4, {1, 2, 3, 4, 5});
  fleet_.check_everything("after loading");
  EXPECT_EQ(fleet_.figure("pages_shared"), 5U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 5U);
  EXPECT_EQ(own_pages(b), 0U);
  EXPECT_EQ(b.frames_mapped(), 5U);
  EXPECT_EQ(mappings(b), 3U);  // consecutive frames: one run
  EXPECT_EQ(b.worker->counters().merges, 5U);
  EXPECT_EQ(b.worker->counters().failed_merges, 0U);
  fleet_.settle();
  fleet_.check_everything("after some passes");
  EXPECT_EQ(fleet_.figure("pages_sharing"), 5U);
  EXPECT_EQ(fleet_.figure("breaks"), 0U);
}

TEST_P(ImageSharingTest, ManyMorePagesThanOneMessageOrTheStagingAreaHolds) {
  std::vector<std::uint64_t> contents(6000);
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = i % 97 == 0 ? 0 : 10 + i;
  FleetGuest& a = fleet_.add(8000, GetParam());
  FleetGuest& b = fleet_.add(8000, GetParam());
  fleet_.load(a, 1000, contents);
  fleet_.load(b, 1000, contents);
  fleet_.check_everything("after loading");
  const std::size_t zero = (contents.size() + 96) / 97;
  EXPECT_EQ(fleet_.figure("pages_shared"), contents.size() - zero);
  EXPECT_EQ(fleet_.figure("pages_sharing"), contents.size() - zero);
  EXPECT_EQ(own_pages(a) + own_pages(b), 0U);
  EXPECT_EQ(fleet_.figure("staging_bytes"), 0U);
}

TEST_P(ImageSharingTest, ZeroPagesStayUntouchedAndEqualOnesAreOneFrame) {
  FleetGuest& a = add();
  fleet_.load(a, 4, {7, 0, 7, 0, 0, 8, 7});
  fleet_.check_everything("after loading");
  EXPECT_EQ(fleet_.figure("pages_shared"), 2U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 2U);
  EXPECT_EQ(a.frames_mapped(), 4U);
  EXPECT_EQ(own_pages(a), 0U);
}

TEST_P(ImageSharingTest, AnImageThatDiffersInAPageSharesTheRest) {
  FleetGuest& a = add();
  FleetGuest& b = add();
  fleet_.load(a, 4, {1, 2, 3, 4});
  fleet_.load(b, 4, {1, 2, 33, 4});
  fleet_.check_everything("after loading");
  EXPECT_EQ(fleet_.figure("pages_sharing"), 3U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 5U);
}

TEST_P(ImageSharingTest, PagesThatAGuestHasMadeItselfAreFoundToo) {
  FleetGuest& a = add();
  a.fill(1, 5);
  fleet_.settle();
  FleetGuest& b = add();
  fleet_.load(b, 4, {4, 5, 6});
  fleet_.exchange_messages();  // a is granted the frame that b has donated
  fleet_.check_everything("after loading");
  EXPECT_EQ(fleet_.figure("pages_sharing"), 1U);
  EXPECT_EQ(a.frames_mapped(), 1U);
}

TEST_P(ImageSharingTest, AnImageOverTheEndOfARegion) {
  FleetGuest& a = add();
  FleetGuest& b = add();
  for (FleetGuest* guest : {&a, &b}) fleet_.load(*guest, 12, {1, 2, 3, 4, 5, 6, 7, 8});
  fleet_.check_everything("after loading");
  EXPECT_EQ(fleet_.figure("pages_sharing"), 8U);
}

TEST_P(ImageSharingTest, AWriteBreaksALoadedPageForTheWriterAlone) {
  FleetGuest& a = add();
  FleetGuest& b = add();
  for (FleetGuest* guest : {&a, &b}) fleet_.load(*guest, 4, {1, 2, 3});
  b.write(5 * page_size + 16, 99);
  fleet_.check_everything("after the write");
  fleet_.pass();
  EXPECT_EQ(fleet_.figure("breaks"), 1U);
  EXPECT_EQ(fleet_.figure("pages_sharing"), 2U);
  a.write(5 * page_size + 16, 77);
  fleet_.settle();
  fleet_.check_everything("after both have written");
  EXPECT_EQ(fleet_.figure("pages_shared"), 2U);  // nobody maps that frame any more
  EXPECT_EQ(fleet_.figure("store_bytes"), 2 * page_size);
}

TEST_P(ImageSharingTest, FramesGoWithTheirLastGuest) {
  FleetGuest& a = add();
  FleetGuest& b = add();
  for (FleetGuest* guest : {&a, &b}) fleet_.load(*guest, 4, {1, 2, 3});
  fleet_.kill(a);
  fleet_.check_everything("after the first has gone");
  EXPECT_EQ(fleet_.figure("pages_shared"), 3U);
  fleet_.kill(b);
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
}

TEST_P(ImageSharingTest, TwoGuestsThatLoadAtTheSameTime) {
  std::vector<std::uint64_t> contents(500);
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = 1 + i;
  FleetGuest& a = fleet_.add(1024, GetParam());
  FleetGuest& b = fleet_.add(1024, GetParam());
  const FleetImage image_a = image_for(a, 4, contents), image_b = image_for(b, 4, contents);
  fleet_.while_daemon_answers([&] {
    std::thread other([&] { b.worker->place(image_b.parts); });
    a.worker->place(image_a.parts);
    other.join();
  });
  fleet_.check_memory("after loading");
  // What one of them still waited for when the other donated comes as an ordinary grant.
  for (int i = 0; i < 2; ++i) fleet_.settle();
  fleet_.check_everything("in the end");
  EXPECT_EQ(fleet_.figure("pages_sharing"), 500U);
  EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
}

TEST_P(ImageSharingTest, NothingOfALoadedImageIsInheritedByAChild) {
  FleetGuest& a = add();
  fleet_.load(a, 12, {1, 2, 0, 4, 5, 6, 7, 8});
  for (const std::size_t page : {12U, 13U, 15U, 16U, 19U}) {
    const auto finds_it = [&](int) {
      unsigned char resident = 0;
      return ::mincore(a.page(page), page_size, &resident) == 0 ? 1 : 0;  // fails where nothing is mapped
    };
    EXPECT_EQ(in_child(finds_it).code, 0) << "page " << page;
  }
}

TEST_P(ImageSharingTest, WhereOnlyZeroPagesAreSharedAnImageIsCopied) {
  GuestOptions options = GetParam();
  options.sharing = Sharing::zero_only;
  FleetGuest& a = fleet_.add(32, options);
  fleet_.load(a, 4, {1, 0, 3});
  fleet_.check_everything("after loading");
  EXPECT_EQ(own_pages(a), 2U);
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Tracked, ImageSharingTest, testing::Values(write_protection, rehash, old_kernel),
                         kind_of);

}  // namespace
}  // namespace samepage::dedup
