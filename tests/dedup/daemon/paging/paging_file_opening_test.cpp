// SPDX-License-Identifier: Apache-2.0
// Which files can become paging files, and what is left of those that can't.
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include "base/file_bytes.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/daemon/paging/paging_file_fixture.hpp"

namespace samepage::dedup {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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

}  // namespace
}  // namespace samepage::dedup
