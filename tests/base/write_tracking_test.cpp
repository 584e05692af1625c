// SPDX-License-Identifier: Apache-2.0
#include "base/write_tracking.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <set>
#include <vector>

#include "base/mapping.hpp"
#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "tests/base/swap_file.hpp"

namespace samepage {
namespace {

constexpr std::size_t pages = 2048;

class WriteTrackingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!tracking_) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
    ASSERT_EQ(::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE), 0);
    for (std::size_t page = 0; page < pages; ++page) write(page);
    ASSERT_TRUE(tracking_->add(memory_.bytes()));
  }
  void write(std::size_t page) { memory_.data()[page * page_size] = static_cast<std::byte>(++value_); }
  void read(std::size_t page) const {
    static_cast<void>(*const_cast<const volatile std::byte*>(memory_.data() + page * page_size));
  }
  std::set<std::size_t> written() {
    const auto parts = tracking_->written(memory_.bytes());
    EXPECT_TRUE(parts);
    std::set<std::size_t> taken;
    for (const WriteTracking::Part& part : parts.value_or(std::vector<WriteTracking::Part>{})) {
      EXPECT_TRUE(
          tracking_->take_written(memory_.bytes().subspan(part.first * page_size, part.count * page_size),
                                  Pagemap::Files::possible, [&](const PageRun& run) {
                                    for (std::size_t i = 0; i < run.count; ++i)
                                      EXPECT_TRUE(taken.insert(part.first + run.first + i).second);
                                  }));
    }
    return taken;
  }
  // A new file's private mapping at pages [first, first + count).
  UniqueFd map_file(std::size_t first, std::size_t count, bool tracked = true) {
    UniqueFd file = checked_fd(::memfd_create("tracked", MFD_CLOEXEC), "memfd_create");
    EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(count * page_size)), 0);
    for (std::size_t page = 0; page < count; ++page)
      EXPECT_EQ(::pwrite(file.get(), "page", 4, static_cast<off_t>(page * page_size)), 4);
    std::byte* const address = memory_.data() + first * page_size;
    EXPECT_EQ(
        ::mmap(address, count * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.get(), 0),
        address);
    EXPECT_TRUE(!tracked || tracking_->add({address, count * page_size}));
    return file;
  }
  // What is at each written page, of those that are.
  std::vector<PageRun> kinds(std::size_t first, std::size_t count, Pagemap::Files files) {
    std::vector<PageRun> runs;
    EXPECT_TRUE(tracking_->take_written(memory_.bytes().subspan(first * page_size, count * page_size), files,
                                        [&](const PageRun& run) { runs.push_back(run); }));
    return runs;
  }

  Mapping memory_ = Mapping::anonymous(pages * page_size);
  std::optional<WriteTracking> tracking_ = WriteTracking::probe();
  unsigned value_ = 0;
};

TEST_F(WriteTrackingTest, EverythingIsWrittenAtFirstAndNothingThen) {
  EXPECT_EQ(written().size(), pages);
  EXPECT_TRUE(written().empty());
}

TEST_F(WriteTrackingTest, ExactlyTheWrittenPagesAreFound) {
  static_cast<void>(written());
  const std::set<std::size_t> expected{0, 1, 2, 7, 100, 101, 900, pages - 1};
  for (const std::size_t page : expected) write(page);
  EXPECT_EQ(written(), expected);
  EXPECT_TRUE(written().empty());
}

// What a system call puts into memory is written like anything else: a device that reads a file into guest
// memory needs to tell nobody.
TEST_F(WriteTrackingTest, WhatASystemCallReadsIntoAPageIsWritten) {
  static_cast<void>(written());
  const UniqueFd file = checked_fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "open");
  ASSERT_EQ(::pread(file.get(), memory_.data() + 9 * page_size + 100, 3 * page_size, 0),
            static_cast<ssize_t>(3 * page_size));
  EXPECT_EQ(written(), (std::set<std::size_t>{9, 10, 11, 12}));
}

TEST_F(WriteTrackingTest, AReadIsNoWrite) {
  static_cast<void>(written());
  read(5);
  EXPECT_TRUE(written().empty());
}

TEST_F(WriteTrackingTest, AHoleIsNotWrittenUntilItIs) {
  static_cast<void>(written());
  ASSERT_EQ(::madvise(memory_.data() + 3 * page_size, 5 * page_size, MADV_DONTNEED), 0);
  EXPECT_TRUE(written().empty());
  write(4);
  EXPECT_EQ(written(), std::set<std::size_t>{4});
  EXPECT_TRUE(written().empty());
}

TEST_F(WriteTrackingTest, ManyWrittenPartsAreAllFound) {
  static_cast<void>(written());
  std::set<std::size_t> expected;
  for (std::size_t page = 1; page < pages; page += 3) expected.insert(page), write(page);
  EXPECT_EQ(written(), expected);
}

TEST_F(WriteTrackingTest, WhatIsThereIsToldWithTheWrite) {
  static_cast<void>(written());
  const UniqueFd file = map_file(10, 2);
  read(10);
  read(11);
  ASSERT_EQ(::madvise(memory_.data() + 12 * page_size, page_size, MADV_DONTNEED), 0);
  read(12);
  write(13);
  const auto runs = kinds(10, 4, Pagemap::Files::possible);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_TRUE(runs[0].is(page_is_file) && runs[0].first == 0 && runs[0].count == 2);
  EXPECT_TRUE(runs[1].is(page_is_zero) && runs[1].first == 2 && runs[1].count == 1);
  EXPECT_TRUE(runs[2].is_private() && runs[2].first == 3 && runs[2].count == 1);
  write(13);
  EXPECT_EQ(kinds(10, 4, Pagemap::Files::none).size(), 1U);
}

TEST_F(WriteTrackingTest, AMarkerIsNotTakenForMemory) {
  static_cast<void>(written());
  const UniqueFd file = map_file(3, 5);
  for (std::size_t page = 3; page < 8; ++page) read(page);
  static_cast<void>(written());
  // A protected page of a file leaves a marker in the table when it goes.
  ASSERT_EQ(::madvise(memory_.data() + 3 * page_size, 5 * page_size, MADV_DONTNEED), 0);
  for (const auto backend : {Pagemap::Backend::newest, Pagemap::Backend::words}) {
    for (const PageRun& run :
         Pagemap(backend).populated(memory_.bytes().subspan(3 * page_size, 5 * page_size)))
      EXPECT_FALSE(run.is(page_is_present | page_is_written));
  }
  EXPECT_TRUE(written().empty());
  write(5);
  EXPECT_EQ(written(), std::set<std::size_t>{5});
}

TEST_F(WriteTrackingTest, AFilesPrivateMappingIsTrackedOnceItIsRegistered) {
  static_cast<void>(written());
  const UniqueFd file = map_file(10, 4, false);
  EXPECT_FALSE(tracking_->written(memory_.bytes()));
  EXPECT_FALSE(tracking_->take_written(memory_.bytes(), Pagemap::Files::possible, [](const PageRun&) {}));
  ASSERT_TRUE(tracking_->add(memory_.bytes().subspan(10 * page_size, 4 * page_size)));
  EXPECT_TRUE(written().empty());  // nothing was ever at it
  read(10);
  static_cast<void>(written());  // it was populated, which may count
  EXPECT_TRUE(written().empty());
  write(10);  // populated, then written
  EXPECT_EQ(written(), std::set<std::size_t>{10});
}

class SwappedWrites : public WriteTrackingTest {
 protected:
  void SetUp() override {
    WriteTrackingTest::SetUp();
    if (IsSkipped()) return;
    if (!swap_) GTEST_SKIP() << SwapFile::why_not;
    static_cast<void>(written());
  }
  void push_out(std::size_t first, std::size_t count) {
    if (!swap_out(memory_.bytes().subspan(first * page_size, count * page_size)))
      GTEST_SKIP() << "the kernel does not swap these pages out";
  }

  const SwapFile swap_{4096};
};

TEST_F(SwappedWrites, AreFoundOnceThough) {
  write(5);
  push_out(4, 4);
  EXPECT_EQ(written(), std::set<std::size_t>{5});
  EXPECT_FALSE(any_present(memory_.bytes().subspan(4 * page_size, 4 * page_size))) << "looking reads nothing";
  EXPECT_TRUE(written().empty()) << "the protection is in the swap, too";
}

TEST_F(SwappedWrites, APageThatComesBackIsWrittenOnlyWhenItIs) {
  push_out(4, 4);
  read(4);
  EXPECT_TRUE(written().empty());
  write(5);
  write(6);
  push_out(6, 1);
  EXPECT_EQ(written(), (std::set<std::size_t>{5, 6}));
}

TEST_F(SwappedWrites, WhoOnlyLooksIsToldOfThemToo) {
  write(9);
  push_out(8, 4);
  std::vector<std::size_t> found;
  ASSERT_TRUE(tracking_->visit_written(memory_.bytes(), [&](const PageRun& run) {
    EXPECT_TRUE(run.is(page_is_swapped));
    found.push_back(run.first);
  }));
  EXPECT_EQ(found, std::vector<std::size_t>{9});
}

}  // namespace
}  // namespace samepage
