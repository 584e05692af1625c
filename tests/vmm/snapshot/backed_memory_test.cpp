// SPDX-License-Identifier: Apache-2.0
// Memory that goes to a file and comes back from it.
#include "vmm/snapshot/backed_memory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>

#include "base/check.hpp"
#include "base/unnamed_file.hpp"
#include "vmm/snapshot/memory_copy.hpp"
#include "vmm/snapshot/own_memory.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t offset = 3 * page_size;
constexpr std::uint64_t pages = 64;

class BackedMemory : public testing::Test {
 protected:
  BackedMemory() { check(::ftruncate(file_.get(), offset + PageCount{pages}.bytes()), "ftruncate"); }
  static std::byte* page(const GuestMemory& memory, std::uint32_t number) {
    return memory.regions().front().host + PageCount{number}.bytes();
  }
  static void fill(const GuestMemory& memory, std::uint32_t number, int content) {
    std::memset(page(memory, number), content, page_size);
  }
  static int content(const GuestMemory& memory, std::uint32_t number) {
    return std::to_integer<int>(page(memory, number)[17]);
  }
  std::vector<dedup::PageMapRun> map() { return dedup::page_map(memory_.regions(), {}); }

  UniqueFd file_ = unnamed_file("a test");
  GuestMemory memory_{PageCount{pages}.bytes()};
  MemoryCopy copy_{memory_.regions(), file_.get(), offset};
};

TEST_F(BackedMemory, HoldsWhatWasCopiedAndZerosElsewhere) {
  for (const std::uint32_t number : {0U, 1U, 40U, 63U}) fill(memory_, number, static_cast<int>(number) + 1);
  fill(memory_, 5, 0);
  copy_.copy(map());
  EXPECT_EQ(copy_.data(), (std::vector<PageRange>{{{0}, 2}, {{40}, 1}, {{63}, 1}}));
  const GuestMemory other(PageCount{pages}.bytes());
  map_backing(other, file_.get(), offset, copy_.data());
  for (std::uint32_t number = 0; number < pages; ++number) {
    EXPECT_EQ(std::memcmp(page(memory_, number), page(other, number), page_size), 0) << number;
  }
}

TEST_F(BackedMemory, ItsWritesAreItsOwn) {
  fill(memory_, 7, 1);
  copy_.copy(map());
  const GuestMemory a(PageCount{pages}.bytes()), b(PageCount{pages}.bytes());
  for (const GuestMemory* memory : {&a, &b}) map_backing(*memory, file_.get(), offset, copy_.data());
  fill(a, 7, 2);
  EXPECT_EQ(content(a, 7), 2);
  EXPECT_EQ(content(b, 7), 1);
  const GuestMemory later(PageCount{pages}.bytes());
  map_backing(later, file_.get(), offset, copy_.data());
  EXPECT_EQ(content(later, 7), 1);
}

TEST_F(BackedMemory, APageThatIsCopiedAgainIsWhatItWasLast) {
  fill(memory_, 3, 1);
  fill(memory_, 4, 1);
  copy_.copy(map());
  fill(memory_, 3, 2);
  fill(memory_, 4, 0);
  copy_.copy(GfnRange{Gfn{3}, PageCount{2}});
  EXPECT_EQ(copy_.data(), (std::vector<PageRange>{{{3}, 1}}));
  const GuestMemory other(PageCount{pages}.bytes());
  map_backing(other, file_.get(), offset, copy_.data());
  EXPECT_EQ(content(other, 3), 2);
  EXPECT_EQ(content(other, 4), 0);
}

TEST_F(BackedMemory, AWatchTellsOfEveryPageThatIsWrittenMeanwhile) {
  for (std::uint32_t number = 0; number < 32; ++number) fill(memory_, number, 1);
  OwnMemory watch(memory_.regions());
  if (!watch.watch()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  copy_.copy(map());
  fill(memory_, 2, 9);
  fill(memory_, 31, 9);
  fill(memory_, 50, 9);  // without memory until now
  std::vector<GfnRange> written;
  ASSERT_TRUE(watch.written([&](const GfnRange& range) { written.push_back(range); }));
  EXPECT_EQ(written, (std::vector<GfnRange>{{Gfn{2}, {1}}, {Gfn{31}, {1}}, {Gfn{50}, {1}}}));
}

TEST_F(BackedMemory, AWatchTellsOfWritesToMemoryThatIsBackedItself) {
  for (std::uint32_t number = 0; number < 8; ++number) fill(memory_, number, 1);
  copy_.copy(map());
  const GuestMemory clone(PageCount{pages}.bytes());
  map_backing(clone, file_.get(), offset, copy_.data());
  fill(clone, 1, 2);
  EXPECT_EQ(content(clone, 2), 1);
  OwnMemory watch(clone.regions());
  if (!watch.watch()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  fill(clone, 1, 3);
  fill(clone, 2, 3);
  fill(clone, 3, 3);
  std::vector<GfnRange> written;
  ASSERT_TRUE(watch.written([&](const GfnRange& range) { written.push_back(range); }));
  EXPECT_EQ(written, (std::vector<GfnRange>{{Gfn{1}, {3}}}));
}

TEST_F(BackedMemory, IsPutBackToWhatItWas) {
  for (const std::uint32_t number : {0U, 1U, 2U, 40U}) fill(memory_, number, 1);
  copy_.copy(map());
  const GuestMemory clone(PageCount{pages}.bytes());
  map_backing(clone, file_.get(), offset, copy_.data());
  for (const std::uint32_t number : {1U, 5U, 30U, 40U}) fill(clone, number, 2);
  OwnMemory own(clone.regions());
  EXPECT_EQ(own.put_back({}), 4U);
  for (std::uint32_t number = 0; number < pages; ++number) {
    EXPECT_EQ(std::memcmp(page(memory_, number), page(clone, number), page_size), 0) << number;
  }
}

TEST(BackingRanges, ShortHolesAreMappedToo) {
  const std::vector<PageRange> data{{{0}, 1}, {{10}, 2}, {{100}, 1}};
  EXPECT_EQ(backing_ranges(data), (std::vector<PageRange>{{{0}, 12}, {{100}, 1}}));
}

TEST(BackingRanges, ThereAreNeverMoreThanAProcessCanAfford) {
  std::vector<PageRange> data;
  for (std::uint32_t page = 0; page < 4'000'000; page += 40) data.push_back({{page}, 1});
  const auto ranges = backing_ranges(data);
  EXPECT_LE(ranges.size(), 1024U);
  EXPECT_EQ(ranges.front().first, data.front().first);
  EXPECT_EQ(ranges.back().end(), data.back().end());
}

TEST(BackingRanges, OfNothingThereAreNone) {
  EXPECT_TRUE(backing_ranges({}).empty());
}

}  // namespace
}  // namespace samepage::vmm
