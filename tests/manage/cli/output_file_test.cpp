// SPDX-License-Identifier: Apache-2.0
// A file that is written whole or not at all.
#include "manage/cli/output_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "manage/cli/interrupted.hpp"

namespace samepage::cli {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_.path() + "/file"; }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator all(directory_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  const std::string bytes_ = std::string(page_size, 'a') + std::string(page_size, '\0') + "end";
  const TemporaryDirectory directory_;
};

TEST_F(OutputFileTest, TakesTheOldFilesPlaceWhenItIsComplete) {
  std::ofstream(path()) << "old";
  {
    OutputFile file(path());
    file.write(std::as_bytes(std::span(bytes_)));
    EXPECT_EQ(content(), "old");
    file.commit();
  }
  EXPECT_EQ(content(), bytes_);
  EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, WhatWasThereStaysUntilThenAndWhenItFails) {
  std::ofstream(path()) << "old";
  {
    OutputFile file(path());
    file.write(std::as_bytes(std::span(bytes_)));
  }
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, AFileKeepsItsRightsAndANewOneHasTheUmasks) {
  const auto rights = [&] { return std::filesystem::status(path()).permissions(); };
  const mode_t before = ::umask(027);
  OutputFile(path()).commit();
  EXPECT_EQ(rights(), std::filesystem::perms(0640));
  ::umask(before);
  std::filesystem::permissions(path(), std::filesystem::perms(0604));
  OutputFile(path(), 0600).commit();
  EXPECT_EQ(rights(), std::filesystem::perms(0604));
  std::filesystem::remove(path());
  OutputFile(path(), 0600).commit();
  EXPECT_EQ(rights(), std::filesystem::perms(0600));
}

// Who may write a directory like /tmp must not get what somebody else writes there.
TEST_F(OutputFileTest, WhatAnotherHasLaidInASharedDirectoryIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  constexpr uid_t another = 4711;
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  std::ofstream(path()) << "old";
  ASSERT_EQ(::chown(path().c_str(), another, another), 0);
  EXPECT_THROW(OutputFile{path()}, UserError);
  const std::string link = directory_.path() + "/link", target = directory_.path() + "/target";
  std::ofstream(target) << "old";
  std::filesystem::create_symlink(target, link);
  ASSERT_EQ(::lchown(link.c_str(), another, another), 0);
  EXPECT_THROW(OutputFile{link}, UserError);
  EXPECT_EQ(files(), 3U);
  // In a directory of its owner's own it is replaced, and stays the owner's.
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  OutputFile file(path());
  struct stat half {};
  ASSERT_EQ(::fstat(file.fd(), &half), 0);
  EXPECT_EQ(half.st_uid, ::geteuid());  // nobody else's while it is written
  file.commit();
  struct stat whole {};
  ASSERT_EQ(::stat(path().c_str(), &whole), 0);
  EXPECT_EQ(whole.st_uid, another);
}

TEST_F(OutputFileTest, AFileThatMayNotBeWrittenIsNotReplaced) {
  std::ofstream(path()) << "old";
  ASSERT_EQ(::chmod(path().c_str(), 0444), 0);
  const bool root = ::geteuid() == 0;
  constexpr uid_t nobody = 65534;
  if (root) {
    ASSERT_EQ(::chown(directory_.path().c_str(), nobody, static_cast<gid_t>(-1)), 0);
    ASSERT_EQ(::chown(path().c_str(), nobody, static_cast<gid_t>(-1)), 0);
    ASSERT_EQ(::seteuid(nobody), 0);
  }
  EXPECT_THROW(OutputFile{path()}, UserError);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(content(), "old");
}

TEST_F(OutputFileTest, ALinkStaysAndTheFileBehindItIsReplaced) {
  const std::string link = directory_.path() + "/link";
  std::filesystem::create_symlink("file", link);
  for (const char* moment : {"the file does not exist", "it exists"}) {
    OutputFile file(link);
    file.write(std::as_bytes(std::span(bytes_)));
    file.commit();
    EXPECT_TRUE(std::filesystem::is_symlink(link)) << moment;
    EXPECT_EQ(content(), bytes_) << moment;
  }
  std::filesystem::remove(path());
  std::filesystem::create_symlink("link", path());
  EXPECT_THROW(OutputFile{link}, UserError) << "links in a circle";
}

// What a file on `path` says that can't be made.
std::string complaint(const std::string& path) {
  try {
    const OutputFile file(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return "it can be written";
}

TEST_F(OutputFileTest, WhatIsNoFileIsWrittenIntoOrRefused) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_THAT(complaint(path()), testing::HasSubstr("nobody reads"));
  const UniqueFd reader = checked_fd(::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open");
  OutputFile file(path());
  file.write(std::as_bytes(std::span(bytes_)));
  file.commit();
  EXPECT_FALSE(file.is_file());
  EXPECT_TRUE(std::filesystem::is_fifo(path()));
  std::string got(2 * bytes_.size(), 'x');
  got.resize(static_cast<std::size_t>(check(::read(reader.get(), got.data(), got.size()), "read")));
  EXPECT_EQ(got, bytes_);
  EXPECT_EQ(files(), 1U);
  EXPECT_THAT(complaint(directory_.path()), testing::HasSubstr("directory"));
}

TEST_F(OutputFileTest, DevicesStayWhatTheyAre) {
  // Nodes of the test's own: those of the host would be lost if this went wrong.
  constexpr unsigned memory = 1;
  const std::string full = directory_.path() + "/full";
  const mode_t node = S_IFCHR | 0600;
  if (::mknod(path().c_str(), node, makedev(memory, 3)) != 0 ||
      ::mknod(full.c_str(), node, makedev(memory, 7)) != 0 || ::access(path().c_str(), W_OK) != 0) {
    GTEST_SKIP() << "only root may make devices, and not in every file system";
  }
  OutputFile file(path());
  file.write(std::as_bytes(std::span(bytes_)));
  file.commit();
  EXPECT_TRUE(std::filesystem::is_character_file(path()));
  OutputFile no_room(full);
  no_room.write(std::as_bytes(std::span(bytes_)));
  EXPECT_THROW(no_room.commit(), UserError);
  EXPECT_TRUE(std::filesystem::is_character_file(full));
}

TEST_F(OutputFileTest, AFileThatSomebodyHasOpenIsNotReplacedByItsOtherName) {
  std::ofstream(path()) << "old";
  const UniqueFd open = checked_fd(::open(path().c_str(), O_WRONLY | O_CLOEXEC), "open");
  EXPECT_THAT(complaint("/proc/self/fd/" + std::to_string(open.get())), testing::HasSubstr("'-'"));
  EXPECT_EQ(content(), "old");
}

TEST_F(OutputFileTest, AStopSignalTakesItBack) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    OutputFile file(path());
    ::raise(signal);
    try {
      file.write(std::as_bytes(std::span(bytes_)));
      ADD_FAILURE() << "signal " << signal << " is lost";
    } catch (const Interrupted& interrupted) {
      EXPECT_EQ(interrupted.signal, signal);
    }
  }
  EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace samepage::cli
