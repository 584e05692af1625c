// SPDX-License-Identifier: Apache-2.0
// Memory that goes to a file and comes back from it.
#include "vmm/snapshot/backed_memory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/unnamed_file.hpp"
#include "vmm/snapshot/fork_memory.hpp"
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
  std::vector<MemoryFile> files_{{file_.get(), offset}};
  GuestMemory memory_{PageCount{pages}.bytes()};
  MemoryCopy copy_{memory_.regions(), {file_.get(), offset}, 0};
};

TEST_F(BackedMemory, HoldsWhatWasCopiedAndZerosElsewhere) {
  for (const std::uint32_t number : {0U, 1U, 40U, 63U}) fill(memory_, number, static_cast<int>(number) + 1);
  fill(memory_, 5, 0);
  copy_.copy(map());
  EXPECT_EQ(copy_.runs(), (std::vector<SnapshotRun>{{{{0}, 2}}, {{{40}, 1}}, {{{63}, 1}}}));
  const GuestMemory other(PageCount{pages}.bytes());
  map_backing(other, files_, copy_.runs());
  for (std::uint32_t number = 0; number < pages; ++number) {
    EXPECT_EQ(std::memcmp(page(memory_, number), page(other, number), page_size), 0) << number;
  }
}

TEST_F(BackedMemory, ItsWritesAreItsOwn) {
  fill(memory_, 7, 1);
  copy_.copy(map());
  const GuestMemory a(PageCount{pages}.bytes()), b(PageCount{pages}.bytes());
  for (const GuestMemory* memory : {&a, &b}) map_backing(*memory, files_, copy_.runs());
  fill(a, 7, 2);
  EXPECT_EQ(content(a, 7), 2);
  EXPECT_EQ(content(b, 7), 1);
  const GuestMemory later(PageCount{pages}.bytes());
  map_backing(later, files_, copy_.runs());
  EXPECT_EQ(content(later, 7), 1);
}

TEST_F(BackedMemory, APageThatIsCopiedAgainIsWhatItWasLast) {
  fill(memory_, 3, 1);
  fill(memory_, 4, 1);
  copy_.copy(map());
  fill(memory_, 3, 2);
  fill(memory_, 4, 0);
  copy_.copy(GfnRange{Gfn{3}, PageCount{2}});
  EXPECT_EQ(copy_.runs(), (std::vector<SnapshotRun>{{{{3}, 1}}}));
  const GuestMemory other(PageCount{pages}.bytes());
  map_backing(other, files_, copy_.runs());
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
  map_backing(clone, files_, copy_.runs());
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
  map_backing(clone, files_, copy_.runs());
  for (const std::uint32_t number : {1U, 5U, 30U, 40U}) fill(clone, number, 2);
  OwnMemory own(clone.regions());
  EXPECT_EQ(own.put_back({}), 4U);
  for (std::uint32_t number = 0; number < pages; ++number) {
    EXPECT_EQ(std::memcmp(page(memory_, number), page(clone, number), page_size), 0) << number;
  }
}

TEST(SnapshotRuns, ShortHolesOfTheNewestWindowAreMappedToo) {
  const std::vector<SnapshotRun> data{{{{0}, 1}}, {{{10}, 2}}, {{{100}, 1}}};
  EXPECT_EQ(joined(data, 0), (std::vector<SnapshotRun>{{{{0}, 12}}, {{{100}, 1}}}));
}

TEST(SnapshotRuns, WhatLiesBetweenRunsOfAnEarlierWindowIsNoHole) {
  const std::vector<SnapshotRun> data{
      {{{0}, 4}, 0}, {{{4}, 1}, 1}, {{{5}, 3}, 0}, {{{10}, 1}, 0}, {{{12}, 1}, 1}};
  EXPECT_EQ(joined(data, 1), data);
}

TEST(SnapshotRuns, ThereAreNeverMoreThanAProcessCanAfford) {
  std::vector<SnapshotRun> data;
  for (std::uint32_t page = 0; page < 4'000'000; page += 40) data.push_back({{{page}, 1}});
  const auto runs = joined(data, 0);
  EXPECT_LE(runs.size(), 1024U);
  EXPECT_EQ(runs.front().pages.first, data.front().pages.first);
  EXPECT_EQ(runs.back().pages.end(), data.back().pages.end());
}

TEST(SnapshotRuns, OfNothingThereAreNone) {
  EXPECT_TRUE(joined({}, 0).empty());
}

// What is unchanged since an earlier fork is not copied again, and a clone has all of it.
TEST(ForkMemoryTest, AFurtherForkCopiesWhatWasWrittenSince) {
  const GuestMemory memory(PageCount{pages}.bytes());
  const auto page = [](const GuestMemory& of, std::uint32_t number) {
    return of.regions().front().host + PageCount{number}.bytes();
  };
  const auto map = [&] {
    return dedup::page_map(memory.regions(), [](Gfn) { return dedup::KnownPage{false, false, true}; });
  };
  for (std::uint32_t number = 0; number < 20; ++number) std::memset(page(memory, number), 1, page_size);
  ForkMemory forks;
  EXPECT_TRUE(forks.begin(memory.regions(), map()).empty());
  MemoryCopy first(memory.regions(), {forks.fd(), 0}, forks.window(), ForkMemory::file);
  first.copy(map());
  EXPECT_EQ(first.copied_pages(), 20U);
  forks.done(first.runs(), first.copied_pages());
  const std::vector<MemoryFile> files{{}, {forks.fd(), 0}};
  map_backing(memory, files, first.runs());  // what the agent does, with more care
  std::memset(page(memory, 3), 2, page_size);
  std::memset(page(memory, 4), 0, page_size);
  std::memset(page(memory, 30), 2, page_size);
  const GuestMemory clone_of_first(PageCount{pages}.bytes());
  map_backing(clone_of_first, files, first.runs());

  const auto reused = forks.begin(memory.regions(), map());
  MemoryCopy second(memory.regions(), {forks.fd(), 0}, forks.window(), ForkMemory::file);
  second.reuse(reused);
  second.copy(map());
  EXPECT_EQ(second.copied_pages(), 2U);
  EXPECT_EQ(second.runs(), (std::vector<SnapshotRun>{
                               {{{0}, 3}, 0, 1}, {{{3}, 1}, 1, 1}, {{{5}, 15}, 0, 1}, {{{30}, 1}, 1, 1}}));
  std::memset(page(memory, 6), 0, page_size);  // written while the copy is made
  second.copy(GfnRange{Gfn{6}, PageCount{1}});
  const GuestMemory clone(PageCount{pages}.bytes());
  const UniqueFd to_read = forks.for_clones();
  map_backing(clone, std::vector<MemoryFile>{{}, {to_read.get(), 0}}, second.runs());
  for (std::uint32_t number = 0; number < pages; ++number) {
    EXPECT_EQ(std::memcmp(page(memory, number), page(clone, number), page_size), 0) << number;
  }
  for (const std::uint32_t number : {3U, 4U, 6U}) EXPECT_EQ(page(clone_of_first, number)[5], std::byte{1});
  EXPECT_EQ(page(clone_of_first, 30)[5], std::byte{0});
}

// A clone's first fork: what the clone did not write is where its parent has put it, and in the snapshot that
// the parent went on from.
TEST(ForkMemoryTest, WhatAGuestGoesOnFromIsHandedOn) {
  const UniqueFd snapshot = unnamed_file("a test");
  const UniqueFd parents = unnamed_file("a test");
  check(::ftruncate(snapshot.get(), offset + PageCount{pages}.bytes()), "ftruncate");
  check(::ftruncate(parents.get(), static_cast<off_t>(3 * PageCount{pages}.bytes())), "ftruncate");
  const auto write = [](int fd, std::uint64_t at, int content) {
    std::array<std::byte, page_size> page;
    page.fill(std::byte{static_cast<unsigned char>(content)});
    write_at(fd, page, at, "test");
  };
  for (std::uint64_t page = 0; page < 8; ++page) write(snapshot.get(), offset + page * page_size, 1);
  for (std::uint64_t page = 8; page < 16; ++page) {
    write(parents.get(), PageCount{2 * pages + page}.bytes(), 2);
  }
  const std::vector<MemoryFile> inherited{{}, {snapshot.get(), offset}, {parents.get(), 0}};
  const GuestMemory memory(PageCount{pages}.bytes());
  map_backing(memory, inherited, std::vector<SnapshotRun>{{{{0}, 8}, 0, 1}, {{{8}, 8}, 2, 2}});
  const auto page = [](const GuestMemory& of, std::uint32_t number) {
    return of.regions().front().host + PageCount{number}.bytes();
  };
  for (const std::uint32_t number : {3U, 12U, 40U}) std::memset(page(memory, number), 9, page_size);
  const auto map = dedup::page_map(memory.regions(), [](Gfn) {
    return dedup::KnownPage{false, false, true};
  });
  ForkMemory forks;
  const std::vector<SnapshotRun> reused = forks.begin(memory.regions(), map, inherited);
  EXPECT_EQ(reused, (std::vector<SnapshotRun>{
                        {{{0}, 3}, 0, 3}, {{{4}, 4}, 0, 3}, {{{8}, 4}, 2, 4}, {{{13}, 3}, 2, 4}}));
  MemoryCopy clones(memory.regions(), {forks.fd(), 0}, forks.window(), ForkMemory::file);
  clones.reuse(reused);
  clones.copy(map);
  EXPECT_EQ(clones.copied_pages(), 3U);
  const GuestMemory clone(PageCount{pages}.bytes());
  const std::vector<MemoryFile> handed_on{
      {}, {forks.fd(), 0}, {}, {snapshot.get(), offset}, {parents.get(), 0}};
  map_backing(clone, handed_on, clones.runs());
  for (std::uint32_t number = 0; number < pages; ++number) {
    EXPECT_EQ(std::memcmp(page(memory, number), page(clone, number), page_size), 0) << number;
  }
}

TEST(ForkMemoryTest, AChainOfTooManyFilesIsNotHandedOn) {
  const UniqueFd file = unnamed_file("a test");
  check(::ftruncate(file.get(), static_cast<off_t>(PageCount{pages}.bytes())), "ftruncate");
  const GuestMemory memory(PageCount{pages}.bytes());
  std::vector<MemoryFile> inherited(most_other_files - 1);
  inherited.front() = {file.get(), 0};
  map_backing(memory, inherited, std::vector<SnapshotRun>{{{{0}, 8}, 0, 0}});
  const auto map = dedup::page_map(memory.regions(), [](Gfn) {
    return dedup::KnownPage{false, false, true};
  });
  ForkMemory forks;
  EXPECT_EQ(forks.begin(memory.regions(), map, inherited),
            (std::vector<SnapshotRun>{{{{0}, 8}, 0, ForkMemory::file + 1}}));
  inherited.emplace_back();
  EXPECT_TRUE(forks.begin(memory.regions(), map, inherited).empty());
}

TEST(ForkMemoryTest, AFileThatIsMostlyGarbageIsLeft) {
  const GuestMemory memory(PageCount{pages}.bytes());
  ForkMemory forks;
  forks.begin(memory.regions(), {});
  const std::vector<SnapshotRun> data{{{{0}, 10}, 0, ForkMemory::file}};
  forks.done(data, 10);
  forks.begin(memory.regions(), {});
  EXPECT_EQ(forks.window(), 1U);
  forks.done(data, 5000);
  forks.begin(memory.regions(), {});
  EXPECT_EQ(forks.window(), 0U);
}

TEST(ForkMemoryTest, WhatAForkThatFailedHasWrittenIsGone) {
  const GuestMemory memory(PageCount{pages}.bytes());
  ForkMemory forks;
  forks.begin(memory.regions(), {});
  const std::byte byte{1};
  write_at(forks.fd(), {&byte, 1}, 5 * page_size, "test");
  forks.failed();
  forks.begin(memory.regions(), {});
  EXPECT_EQ(forks.window(), 0U);
  std::byte there{9};
  ASSERT_EQ(::pread(forks.fd(), &there, 1, 5 * page_size), 1);
  EXPECT_EQ(there, std::byte{0});
}

}  // namespace
}  // namespace samepage::vmm
