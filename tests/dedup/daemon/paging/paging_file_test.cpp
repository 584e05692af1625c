// SPDX-License-Identifier: Apache-2.0
// The room of a paging file, and the segments that it is given out in.
#include "dedup/daemon/paging/paging_file.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "base/file_bytes.hpp"
#include "base/open_again.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/daemon/paging/paging_file_fixture.hpp"
#include "tests/dedup/daemon/paging/refused_calls.hpp"

namespace samepage::dedup {
namespace {

using testing::AllOf;
using testing::HasSubstr;

testing::Matcher<std::uint64_t> room_of(std::uint64_t segments) {
  return AllOf(testing::Ge(segments * segment), testing::Le(segments * segment + metadata));
}

void put(int fd, std::uint64_t offset, char letter) {
  write_at(fd, std::vector(page_size, static_cast<std::byte>(letter)), offset, "write");
}
char at(int fd, std::uint64_t offset) {
  std::byte byte{};
  EXPECT_EQ(read_fully(fd, offset, {&byte, 1}), 1);
  return static_cast<char>(byte);
}

TEST_F(PagingFileTest, ANewFileHasItsInitialSizeWithoutHoles) {
  const mode_t mask = ::umask(0777);
  const PagingFile file(spec(2, 4));
  ::umask(mask);
  const UniqueFd there = look();
  EXPECT_EQ(status_of(there.get()).st_mode, S_IFREG | 0600U);
  EXPECT_EQ(length_of(there.get()), extra + 2 * segment);
  EXPECT_THAT(blocks_of(there.get()), room_at_path(2));
  EXPECT_EQ(file.size(), 2 * segment);
  EXPECT_EQ(file.used(), 0U);
}

TEST_F(PagingFileTest, NothingNeedBeSetAside) {
  PagingFile file(spec(0, 1));
  EXPECT_EQ(length_of(look().get()), header);
  const UniqueFd slots = file.make_slot_file();
  EXPECT_TRUE(file.give(slots.get(), 0));
  EXPECT_FALSE(file.give(slots.get(), 1));
}

TEST_F(PagingFileTest, SlotFilesHaveNoNameAndCannotGetOne) {
  const PagingFile file(spec(1, 1));
  const UniqueFd slots = file.make_slot_file();
  EXPECT_EQ(names_in(directory_.path()), 1U);
  EXPECT_EQ(status_of(slots.get()).st_nlink, 0U);
  EXPECT_EQ(status_of(slots.get()).st_mode, S_IFREG | 0400U);
  EXPECT_EQ(status_of(slots.get()).st_dev, status_of(look().get()).st_dev);
  EXPECT_EQ(length_of(slots.get()), 0U);
  put(slots.get(), 0, 'a');
  EXPECT_EQ(at(open_again(slots.get(), O_RDONLY).get(), 0), 'a');
  const std::string link = "/proc/self/fd/" + std::to_string(slots.get());
  EXPECT_NE(::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, (path_ + "-slots").c_str(), AT_SYMLINK_FOLLOW), 0);
}

TEST_F(PagingFileTest, WithoutItsDirectoryThereAreNoSlotFiles) {
  const PagingFile file(spec(1, 1));
  std::filesystem::rename(directory_.path(), directory_.path() + "-moved");
  EXPECT_THROW(static_cast<void>(file.make_slot_file()), std::system_error);
  std::filesystem::rename(directory_.path() + "-moved", directory_.path());
  EXPECT_TRUE(file.make_slot_file());
}

TEST_F(PagingFileTest, SegmentsComeOutOfWhatIsSetAsideThenTheFileGrowsToItsMaximum) {
  PagingFile file(spec(2, 3));
  const UniqueFd there = look();
  const UniqueFd first = file.make_slot_file(), second = file.make_slot_file();
  EXPECT_TRUE(file.give(first.get(), 0));
  EXPECT_THAT(blocks_of(there.get()), room_at_path(1));
  EXPECT_THAT(blocks_of(first.get()), room_of(1));
  EXPECT_EQ(length_of(first.get()), segment);
  EXPECT_EQ(file.used(), segment);
  EXPECT_EQ(file.size(), 2 * segment);

  EXPECT_TRUE(file.give(second.get(), 0));
  EXPECT_TRUE(file.give(first.get(), 1));
  EXPECT_EQ(length_of(there.get()), extra);
  EXPECT_THAT(blocks_of(first.get()), room_of(2));
  EXPECT_EQ(file.size(), 3 * segment);
  EXPECT_FALSE(file.give(second.get(), 1));
  EXPECT_EQ(length_of(second.get()), segment);
  EXPECT_EQ(file.used(), 3 * segment);
  EXPECT_EQ(file.errors(), 0U);  // the maximum is nobody's fault
}

TEST_F(PagingFileTest, RoomComesBackAndTheRestStays) {
  PagingFile file(spec(1, 3));
  const UniqueFd there = look();
  const UniqueFd slots = file.make_slot_file();
  for (std::uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(file.give(slots.get(), i));
    put(slots.get(), i * segment, static_cast<char>('a' + i));
  }
  file.take_back(slots.get(), 1);
  EXPECT_THAT(blocks_of(slots.get()), room_of(2));
  EXPECT_EQ(at(slots.get(), 0), 'a');
  EXPECT_EQ(at(slots.get(), segment), '\0');
  EXPECT_EQ(at(slots.get(), 2 * segment), 'c');
  EXPECT_EQ(file.size(), 2 * segment);
  EXPECT_EQ(length_of(there.get()), extra);  // still more than the initial size

  file.take_back(slots.get(), 0);
  file.take_back(slots.get(), 2);
  EXPECT_THAT(blocks_of(slots.get()), room_of(0));
  EXPECT_EQ(file.used(), 0U);
  EXPECT_EQ(file.size(), segment);
  EXPECT_EQ(length_of(there.get()), extra + segment);
  EXPECT_THAT(blocks_of(there.get()), room_at_path(1));
  EXPECT_TRUE(file.give(slots.get(), 1));
  EXPECT_THAT(blocks_of(slots.get()), room_of(1));
  EXPECT_EQ(file.errors(), 0U);
}

TEST_F(PagingFileTest, SlotFilesThatAreGoneAreForgotten) {
  PagingFile file(spec(2, 2));
  UniqueFd slots = file.make_slot_file();
  ASSERT_TRUE(file.give(slots.get(), 0) && file.give(slots.get(), 1));
  slots.reset();
  file.forget(2);
  EXPECT_EQ(file.used(), 0U);
  EXPECT_EQ(file.size(), 2 * segment);
  EXPECT_THAT(blocks_of(look().get()), room_at_path(2));
}

TEST_F(PagingFileTest, ADiskThatIsFullInTheMiddleLosesNothing) {
  const SmallDisk disk(29);
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a small disk";
  PagingFile file({disk.path() + "/paging", segment, 9 * segment});
  const UniqueFd slots = file.make_slot_file();
  for (std::uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(file.give(slots.get(), i));
    put(slots.get(), i * segment, static_cast<char>('a' + i));
  }
  EXPECT_FALSE(file.give(slots.get(), 3));
  EXPECT_EQ(file.errors(), 1U);
  EXPECT_EQ(file.used(), 3 * segment);
  EXPECT_EQ(length_of(slots.get()), 3 * segment);
  EXPECT_THAT(blocks_of(slots.get()), room_of(3));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(at(slots.get(), i * segment), static_cast<char>('a' + i));
  // Room that others took meanwhile is not ours to set aside again, and is tried for later.
  file.take_back(slots.get(), 2);
  const UniqueFd others =
      checked_fd(::open(disk.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open");
  ASSERT_EQ(::posix_fallocate(others.get(), 0, 10 << 20), 0);
  file.take_back(slots.get(), 1);
  file.take_back(slots.get(), 0);
  EXPECT_EQ(file.size(), segment);
  EXPECT_TRUE(file.give(slots.get(), 0));
  EXPECT_TRUE(file.give(slots.get(), 1));
  EXPECT_FALSE(file.give(slots.get(), 2));
}

TEST_F(PagingFileTest, WhatIsSetAsideIsThereWhenOthersHaveFilledTheDisk) {
  const SmallDisk disk(24);
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a small disk";
  PagingFile file({disk.path() + "/paging", 2 * segment, 9 * segment});
  const UniqueFd slots = file.make_slot_file();
  const UniqueFd others =
      checked_fd(::open(disk.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open");
  const std::uint64_t rest = 24 * (std::uint64_t{1} << 20) - 2 * segment - extra - header;
  ASSERT_EQ(::posix_fallocate(others.get(), 0, static_cast<off_t>(rest)), 0);
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(file.give(slots.get(), 0));
    EXPECT_TRUE(file.give(slots.get(), 1));
    EXPECT_FALSE(file.give(slots.get(), 2));
    file.take_back(slots.get(), 0);
    file.take_back(slots.get(), 1);
    EXPECT_EQ(file.size(), 2 * segment);
  }
}

TEST_F(PagingFileTest, WhatTheFileSystemNotesOfSlotsTakesRoomOfTheMargin) {
  const SmallDisk disk(24);
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a small disk";
  const std::string path = disk.path() + "/paging";
  PagingFile file({path, 2 * segment, 9 * segment});
  const UniqueFd slots = file.make_slot_file();
  const UniqueFd others =
      checked_fd(::open(disk.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open");
  // A page is missing of what comes free: as if the file system had taken it for its own.
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(extra + 2 * segment - page_size)), 0);
  const std::uint64_t rest = 24 * (std::uint64_t{1} << 20) - 2 * segment - extra;
  ASSERT_EQ(::posix_fallocate(others.get(), 0, static_cast<off_t>(rest + page_size)), 0);
  EXPECT_TRUE(file.give(slots.get(), 0));
  EXPECT_LT(std::filesystem::file_size(path), extra + segment);
  EXPECT_TRUE(file.give(slots.get(), 1));
  EXPECT_FALSE(file.give(slots.get(), 2));  // not for more than the initial size
  EXPECT_GT(std::filesystem::file_size(path), extra / 2);
  EXPECT_EQ(file.errors(), 1U);

  ASSERT_EQ(::ftruncate(others.get(), 0), 0);
  file.take_back(slots.get(), 0);
  EXPECT_EQ(std::filesystem::file_size(path), extra + segment);
}

TEST_F(PagingFileTest, RoomThatCouldNotBeGivenIsSetAsideAgain) {
  PagingFile file(spec(1, 9));
  const UniqueFd slots = file.make_slot_file();
  {
    const LimitedFileSize limit(4 * segment);
    EXPECT_FALSE(file.give(slots.get(), 5));
  }
  EXPECT_EQ(file.errors(), 1U);
  EXPECT_EQ(file.used(), 0U);
  EXPECT_EQ(file.size(), segment);
  EXPECT_EQ(length_of(slots.get()), 0U);
  EXPECT_THAT(blocks_of(look().get()), room_at_path(1));
  EXPECT_TRUE(file.give(slots.get(), 5));
}

TEST_F(PagingFileTest, TheFileStaysWithItsInitialSize) {
  UniqueFd slots;
  {
    PagingFile first(spec(2, 4));
    PagingFile file(std::move(first));  // a place in a list
    slots = file.make_slot_file();
    for (std::uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(file.give(slots.get(), i));
    put(slots.get(), 0, 'a');
    EXPECT_EQ(length_of(look().get()), extra);
  }
  EXPECT_EQ(length_of(look().get()), extra + 2 * segment);
  EXPECT_THAT(blocks_of(look().get()), room_at_path(2));
  EXPECT_EQ(::flock(look().get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(at(slots.get(), 0), 'a');  // guests still map it
}

TEST_F(PagingFileTest, FileSystemsWithoutFilesWithoutANameWillDo) {
  const PagingFile file(spec(1, 1));
  EXPECT_EXIT(
      {
        if (refuse(SYS_openat, EOPNOTSUPP, 2, O_TMPFILE & ~O_DIRECTORY)) {
          const UniqueFd slots = file.make_slot_file();
          EXPECT_EQ(names_in(directory_.path()), 1U);
          EXPECT_EQ(status_of(slots.get()).st_nlink, 0U);
          EXPECT_EQ(status_of(slots.get()).st_mode, S_IFREG | 0400U);
          put(slots.get(), 0, 'a');
        }
        std::_Exit(HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(PagingFileTest, FileSystemsThatCannotSetRoomAsideGetZeros) {
  EXPECT_EXIT(
      {
        if (refuse(SYS_fallocate, EOPNOTSUPP)) {
          PagingFile file(spec(1, 2));
          EXPECT_GE(blocks_of(look().get()), segment);  // some take more where files grow
          const UniqueFd slots = file.make_slot_file();
          EXPECT_TRUE(file.give(slots.get(), 0));
          EXPECT_TRUE(file.give(slots.get(), 1));
          EXPECT_EQ(length_of(slots.get()), 2 * segment);
          ::fsync(slots.get());  // until then blocks need not be counted
          EXPECT_GE(blocks_of(slots.get()), 2 * segment);
          file.take_back(slots.get(), 0);  // has no holes either
          EXPECT_EQ(file.used(), segment);
          EXPECT_EQ(file.errors(), 1U);
          EXPECT_EQ(length_of(look().get()), extra);
        }
        std::_Exit(HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace samepage::dedup
