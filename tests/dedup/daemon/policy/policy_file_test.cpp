// SPDX-License-Identifier: Apache-2.0
// Whose file is read, and what is said of one that is not.
#include "dedup/daemon/policy/policy_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"

namespace samepage::dedup {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PolicyFile : public testing::Test {
 protected:
  void write(const std::string& text, mode_t mode = 0644) const {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  // What is told of the file; empty when it is read.
  [[nodiscard]] std::string problem() const {
    try {
      static_cast<void>(read_policy(path_));
      return {};
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_));
      return error.what();
    }
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/policy";
};

TEST_F(PolicyFile, IsReadWithTheNamesOfThisHost) {
  write("root max-guests=1\n12345 max-guests=2\n* max-guests=3\n", 0600);
  const Policy policy = read_policy(path_);
  EXPECT_EQ(policy.path, path_);
  EXPECT_EQ(policy.users.at(0).max_guests, 1U);
  EXPECT_EQ(policy.users.at(12345).max_guests, 2U);
  EXPECT_EQ(policy.others->max_guests, 3U);
}

TEST_F(PolicyFile, EachBadLineIsNamed) {
  write("root max-guests=1\nnobody-has-this-name max-guests=1\n* max-ram=x\n");
  EXPECT_THAT(problem(), AllOf(HasSubstr("line 2: "), HasSubstr("line 3: "), Not(HasSubstr("line 1: "))));
  std::string many;
  for (int i = 0; i < 100; ++i) many += "* nothing\n";
  write(many);
  EXPECT_THAT(problem(),
              AllOf(HasSubstr("line 8: "), Not(HasSubstr("line 9: ")), HasSubstr("92 lines more")));
}

TEST_F(PolicyFile, OneThatOthersCanWriteIsNot) {
  write("*\n", 0664);
  EXPECT_THAT(problem(), HasSubstr("chmod go-w"));
  write("*\n", 0646);
  EXPECT_THAT(problem(), HasSubstr("chmod go-w"));
  write("*\n", 0644);
  EXPECT_EQ(problem(), "");
}

TEST_F(PolicyFile, OneThatOthersCanReplaceIsNot) {
  write("*\n");
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  EXPECT_THAT(problem(), HasSubstr("put another file in its place"));
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  EXPECT_EQ(problem(), "") << "there nobody can replace what is another's";
}

TEST_F(PolicyFile, OneOfAnotherUserIsNot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  write("*\n");
  ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(problem(), AllOf(HasSubstr("belongs to user 12345"), HasSubstr("chown root")));
}

TEST_F(PolicyFile, WhatIsNoFileIsNot) {
  EXPECT_THAT(problem(), HasSubstr("No such file"));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(problem(), HasSubstr("not a regular file")) << "and nobody waits for a writer";
  std::filesystem::remove(path_);
  std::ofstream(path_ + "-other") << "*\n";
  std::filesystem::create_symlink(path_ + "-other", path_);
  EXPECT_THAT(problem(), HasSubstr("symbolic link"));
}

TEST_F(PolicyFile, OneThatIsFarTooLongIsNot) {
  write("*\n" + std::string(std::size_t{1} << 20U, '#'));
  EXPECT_THAT(problem(), HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace samepage::dedup
