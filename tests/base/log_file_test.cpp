// SPDX-License-Identifier: Apache-2.0
#include "base/log_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <csignal>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/temporary_directory.hpp"

namespace samepage {
namespace {

class LogFileTest : public testing::Test {
 protected:
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/log";
};

TEST_F(LogFileTest, IsMadeWithTheFirstLineForItsOwnerAlone) {
  LogFile file(path_);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(file.append("one\n"));
  EXPECT_TRUE(file.append("two\n"));
  EXPECT_EQ(text_of(path_), "one\ntwo\n");
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(LogFileTest, IsBoundedHoweverManyWriteIt) {
  LogFile first(path_, 100), second(path_, 100);
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE((i % 2 == 0 ? first : second).append("a line of 20 bytes.\n"));
    EXPECT_LE(std::filesystem::file_size(path_), 100U);
  }
  EXPECT_EQ(std::filesystem::file_size(path_ + ".1"), 100U) << "what came before";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 2);
}

TEST_F(LogFileTest, IsMadeAnewWhenSomebodyRemovesIt) {
  LogFile file(path_);
  EXPECT_TRUE(file.append("one\n"));
  std::filesystem::remove(path_);
  EXPECT_TRUE(file.append("two\n"));
  EXPECT_EQ(text_of(path_), "two\n");
}

TEST_F(LogFileTest, FollowsNoLinkAndWritesIntoNothingElse) {
  const std::string other = directory_.path() + "/other";
  std::ofstream(other) << "mine";
  std::filesystem::create_symlink(other, path_);
  EXPECT_FALSE(LogFile(path_).append("line\n"));
  EXPECT_EQ(text_of(other), "mine");
  EXPECT_FALSE(LogFile(directory_.path()).append("line\n"));
  EXPECT_FALSE(LogFile(directory_.path() + "/missing/log").append("line\n"));
}

// As on a full disk: the kernel refuses to make the file longer.
TEST_F(LogFileTest, WithoutRoomALineIsLostAndNothingElse) {
  LogFile file(path_);
  EXPECT_TRUE(file.append("0123456789"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  EXPECT_FALSE(file.append("lost\n"));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(file.append("kept\n"));
  EXPECT_EQ(text_of(path_), "0123456789kept\n");
}

}  // namespace
}  // namespace samepage
