// SPDX-License-Identifier: Apache-2.0
#include "base/write_tracking.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/mapping.hpp"
#include "base/pagemap.hpp"
#include "base/types.hpp"

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
  std::set<std::size_t> written() {
    std::set<std::size_t> found, taken;
    const auto add_to = [](std::set<std::size_t>& set) {
      return [&set](std::size_t first, std::size_t count) {
        for (std::size_t page = first; page < first + count; ++page) EXPECT_TRUE(set.insert(page).second);
      };
    };
    EXPECT_TRUE(tracking_->take_written(memory_.bytes(), add_to(found), add_to(taken)));
    EXPECT_TRUE(std::includes(found.begin(), found.end(), taken.begin(), taken.end()));
    return taken;
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
  static_cast<void>(*const_cast<const volatile std::byte*>(memory_.data() + 5 * page_size));
  EXPECT_TRUE(written().empty());
}

TEST_F(WriteTrackingTest, AProtectedHoleIsNotTakenForMemory) {
  static_cast<void>(written());
  ASSERT_EQ(::madvise(memory_.data() + 3 * page_size, 5 * page_size, MADV_DONTNEED), 0);
  static_cast<void>(written());  // leaves markers in the holes
  for (const auto backend : {Pagemap::Backend::newest, Pagemap::Backend::words}) {
    EXPECT_TRUE(Pagemap(backend).populated(memory_.bytes().subspan(3 * page_size, 5 * page_size)).empty());
  }
}

TEST_F(WriteTrackingTest, AFilesPrivateMappingIsTrackedOnceItIsRegistered) {
  static_cast<void>(written());
  const UniqueFd file = checked_fd(::memfd_create("tracked", MFD_CLOEXEC), "memfd_create");
  ASSERT_EQ(::ftruncate(file.get(), 4 * page_size), 0);
  std::byte* const address = memory_.data() + 10 * page_size;
  ASSERT_EQ(::mmap(address, 4 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.get(), 0),
            address);
  const auto ignore = [](std::size_t, std::size_t) {};
  EXPECT_FALSE(tracking_->take_written(memory_.bytes(), ignore, ignore));
  ASSERT_TRUE(tracking_->add({address, 4 * page_size}));
  static_cast<void>(written());
  static_cast<void>(*const_cast<const volatile std::byte*>(address));
  static_cast<void>(written());  // it was populated, which may count
  EXPECT_TRUE(written().empty());
  write(10);  // populated, then written
  write(12);  // written at once
  const auto found = written();
  EXPECT_TRUE(found.contains(10));
  EXPECT_TRUE(found.contains(12));
  EXPECT_FALSE(found.contains(13));
}

}  // namespace
}  // namespace samepage
