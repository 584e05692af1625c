// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/kept_lines.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "base/temporary_directory.hpp"

namespace samepage::dedup {
namespace {

using Lines = std::vector<std::string>;

class KeptLinesTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const KeptLines kept_{KeptLines::place(directory_.path() + "/daemon.sock", "paging")};
};

TEST_F(KeptLinesTest, WhatIsKeptIsThereForTheNext) {
  EXPECT_EQ(kept_.path(), directory_.path() + "/daemon.sock.paging");
  EXPECT_FALSE(kept_.read().any);
  ASSERT_TRUE(kept_.keep({"/a,max=1", std::string(5000, 'x')}));
  EXPECT_TRUE(kept_.read().any);
  EXPECT_EQ(kept_.read().lines, (Lines{"/a,max=1", std::string(5000, 'x')}));
  ASSERT_TRUE(kept_.keep({"/b"}));
  EXPECT_EQ(kept_.read().lines, Lines{"/b"});
}

TEST_F(KeptLinesTest, WithoutAnyThereIsNoFile) {
  ASSERT_TRUE(kept_.keep({"/b"}));
  ASSERT_TRUE(kept_.keep({}));
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_TRUE(kept_.keep({}));
}

TEST_F(KeptLinesTest, WhereNothingCanBeWrittenThatIsTold) {
  const KeptLines nowhere(directory_.path() + "/none/kept");
  const std::uint64_t errors = logged_errors();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(nowhere.keep({"/a"}));
  EXPECT_FALSE(nowhere.read().any);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("/none/kept is not kept for the next daemon: "), std::string::npos) << told;
  EXPECT_NE(told.find("No such file or directory"), std::string::npos) << told;
  EXPECT_EQ(logged_errors(), errors + 1);
}

TEST_F(KeptLinesTest, EmptyLinesAndAMissingEndAreNothing) {
  std::ofstream(kept_.path()) << "\n\n/a\n\n/b";
  EXPECT_EQ(kept_.read().lines, (Lines{"/a", "/b"}));
}

TEST_F(KeptLinesTest, ASymbolicLinkIsNotFollowed) {
  std::ofstream(directory_.path() + "/other") << "/a\n";
  std::filesystem::create_symlink(directory_.path() + "/other", kept_.path());
  EXPECT_FALSE(kept_.read().any);
  EXPECT_TRUE(kept_.read().lines.empty());
}

}  // namespace
}  // namespace samepage::dedup
