// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/paging_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/open_again.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "tests/dedup/paging/full_disks.hpp"
#include "tests/dedup/paging/refused_calls.hpp"

namespace samepage::dedup {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t segment = PagingFile::segment_bytes;
constexpr std::uint64_t header = page_size;
constexpr std::uint64_t extra = header + PagingFile::margin_bytes;  // what it takes beside its initial size
// For extents and the like, which some file systems count.
constexpr std::uint64_t metadata = std::uint64_t{256} << 10;

struct stat status_of(int fd) {
  struct stat status {};
  check(::fstat(fd, &status), "fstat");
  return status;
}
std::uint64_t length_of(int fd) {
  return static_cast<std::uint64_t>(status_of(fd).st_size);
}
std::uint64_t blocks_of(int fd) {
  return static_cast<std::uint64_t>(status_of(fd).st_blocks) * 512;
}
testing::Matcher<std::uint64_t> room_at_path(std::uint64_t segments) {
  return AllOf(testing::Ge(segments * segment + extra), testing::Le(segments * segment + extra + metadata));
}
testing::Matcher<std::uint64_t> room_of(std::uint64_t segments) {
  return AllOf(testing::Ge(segments * segment), testing::Le(segments * segment + metadata));
}
std::size_t names_in(const std::string& directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void put(int fd, std::uint64_t offset, char letter) {
  write_at(fd, std::vector(page_size, static_cast<std::byte>(letter)), offset, "write");
}
char at(int fd, std::uint64_t offset) {
  std::byte byte{};
  EXPECT_EQ(read_fully(fd, offset, {&byte, 1}), 1);
  return static_cast<char>(byte);
}

class PagingFileTest : public testing::Test {
 protected:
  [[nodiscard]] PagingSpec spec(std::uint64_t initial, std::uint64_t max) const {
    return {path_, initial * segment, max * segment};
  }
  [[nodiscard]] UniqueFd look() const {
    return checked_fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC), "open");
  }
  /// What is said of `path` as a paging file with one segment.
  static std::string refusal(const std::string& path, std::uint64_t initial = 1) {
    try {
      const PagingFile file({path, initial * segment, initial * segment});
    } catch (const UserError& error) {
      return error.what();
    }
    return "it was taken";
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/paging";
};

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

TEST_F(PagingFileTest, WhatIsNotAFileIsRefused) {
  EXPECT_THAT(refusal(directory_.path()), AllOf(HasSubstr("is a directory"), HasSubstr(directory_.path())));
  EXPECT_THAT(refusal(directory_.path() + "/none/paging"), HasSubstr("make it first"));
  const std::string pipe = directory_.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refusal(pipe), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("not a regular file"));
  const std::string link = directory_.path() + "/link";
  std::filesystem::create_symlink(path_, link);
  EXPECT_THAT(refusal(link), HasSubstr("symbolic link"));
  EXPECT_EQ(names_in(directory_.path()), 2U);  // pipe and link

  const UniqueFd socket = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path_.size(), sizeof address.sun_path);
  path_.copy(address.sun_path, path_.size());
  // SAFETY: the way that bind(2) takes addresses.
  check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  EXPECT_THAT(refusal(path_), HasSubstr("not a regular file"));
}

TEST_F(PagingFileTest, AFileOfSomethingElseIsLeftAlone) {
  for (const std::string text :
       {"x", "Samepage paging file of my notes, which are long", "Samepage paging file 1"}) {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
    EXPECT_THAT(refusal(path_), HasSubstr("is not a paging file"));
    EXPECT_EQ(std::filesystem::file_size(path_), text.size());
    std::ifstream file(path_);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
    EXPECT_EQ(status_of(look().get()).st_mode & 0777U, 0644U);
  }
}

TEST_F(PagingFileTest, AnotherUsersFileIsLeftAlone) {
  std::ofstream(path_).flush();
  if (::chown(path_.c_str(), 12345, 12345) != 0) GTEST_SKIP() << "may not give a file to another user";
  EXPECT_THAT(refusal(path_), HasSubstr("another user"));
  EXPECT_EQ(std::filesystem::file_size(path_), 0U);
}

TEST_F(PagingFileTest, AnEmptyFileIsTaken) {
  std::ofstream(path_).flush();
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  const PagingFile file(spec(1, 1));
  EXPECT_EQ(status_of(look().get()).st_mode & 0777U, 0600U);
  EXPECT_EQ(length_of(look().get()), extra + segment);
}

TEST_F(PagingFileTest, APagingFileIsTakenAgainWithAnotherSize) {
  { const PagingFile file(spec(3, 3)); }
  {
    const PagingFile file(spec(1, 1));
    EXPECT_EQ(length_of(look().get()), extra + segment);
    EXPECT_THAT(blocks_of(look().get()), room_at_path(1));
  }
  // Somebody has cut it short, or copied it with holes.
  ASSERT_EQ(::truncate(path_.c_str(), header), 0);
  ASSERT_EQ(::truncate(path_.c_str(), extra + segment), 0);
  const PagingFile file(spec(2, 2));
  EXPECT_EQ(length_of(look().get()), extra + 2 * segment);
  EXPECT_THAT(blocks_of(look().get()), room_at_path(2));
}

TEST_F(PagingFileTest, NoTwoDaemonsHaveOne) {
  {
    const PagingFile file(spec(1, 2));
    EXPECT_THAT(refusal(path_, 2), HasSubstr("another daemon"));
    EXPECT_EQ(length_of(look().get()), extra + segment);
  }
  EXPECT_EQ(refusal(path_), "it was taken");
  const UniqueFd other = look();
  ASSERT_EQ(::flock(other.get(), LOCK_SH | LOCK_NB), 0);
  EXPECT_THAT(refusal(path_), HasSubstr("another daemon"));
}

TEST_F(PagingFileTest, AFileThatIsAMountOfItsOwnIsRefused) {
  const std::string other = directory_.path() + "/other";
  std::ofstream(other).flush();
  std::ofstream(path_).flush();
  if (::mount(other.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr) != 0) GTEST_SKIP() << "may not mount";
  const std::string said = refusal(path_);
  ::umount2(path_.c_str(), MNT_DETACH);
  EXPECT_THAT(said, HasSubstr("mount its directory"));
}

TEST_F(PagingFileTest, WithoutRoomNothingIsLeftBehind) {
  const SmallDisk disk(12);
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a small disk";
  const std::string path = disk.path() + "/paging";
  EXPECT_THAT(refusal(path, 2), AllOf(HasSubstr("17.0 MiB"), HasSubstr("are free there"), HasSubstr(path)));
  EXPECT_EQ(names_in(disk.path()), 0U);

  std::ofstream(path).flush();  // the user's, and stays
  EXPECT_THAT(refusal(path, 2), HasSubstr("no room"));
  EXPECT_EQ(std::filesystem::file_size(path), 0U);

  EXPECT_EQ(refusal(path, 1), "it was taken");
  EXPECT_THAT(refusal(path, 2), HasSubstr("no room"));
  EXPECT_EQ(std::filesystem::file_size(path), extra + segment);
  EXPECT_EQ(refusal(path, 1), "it was taken");
}

TEST_F(PagingFileTest, WhereFilesMayNotGrowSoFarNothingIsLeftBehind) {
  const LimitedFileSize limit(segment);
  EXPECT_THAT(refusal(path_), AllOf(HasSubstr("9.0 MiB"), HasSubstr("ulimit -f")));
  EXPECT_EQ(names_in(directory_.path()), 0U);
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
