// SPDX-License-Identifier: Apache-2.0
#include "base/runtime_dir.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <cstdlib>

#include <filesystem>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"

namespace samepage {
namespace {

class RuntimeDir : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"SAMEPAGE_RUNTIME_DIR", "SAMEPAGE_SOCKET", "XDG_STATE_HOME"}) ::unsetenv(name);
  }
  void choose(const std::string& path) { ::setenv("SAMEPAGE_RUNTIME_DIR", path.c_str(), 1); }

  const TemporaryDirectory directory_;
  const std::string parent_ = directory_.path();
};

TEST_F(RuntimeDir, IsMadeForItsOwnerAlone) {
  choose(parent_ + "/run");
  EXPECT_EQ(runtime_dir(), parent_ + "/run");
  struct stat info {};
  ASSERT_EQ(::stat((parent_ + "/run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(RuntimeDir, TheLogIsThereOrWithTheUsersState) {
  ::setenv("XDG_STATE_HOME", parent_.c_str(), 1);
  EXPECT_EQ(log_path(), parent_ + "/samepage/samepage.log");
  EXPECT_TRUE(std::filesystem::is_directory(parent_ + "/samepage"));
  choose(parent_ + "/run");
  EXPECT_EQ(log_path(), parent_ + "/run/samepage.log") << "who chooses a directory has all in it";
}

TEST_F(RuntimeDir, OneThatOthersCanWriteToIsRefused) {
  const std::string path = parent_ + "/open";
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  choose(path);
  EXPECT_THROW(runtime_dir(), UserError);
}

TEST_F(RuntimeDir, ARelativeOneStaysWhereItWasMeant) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(parent_);
  choose("run");
  ::setenv("SAMEPAGE_SOCKET", "daemon.sock", 1);
  settle_runtime_paths();
  std::filesystem::current_path("/");
  EXPECT_EQ(runtime_dir(), parent_ + "/run");
  EXPECT_EQ(daemon_socket_path(), parent_ + "/daemon.sock");
  std::filesystem::current_path(before);
}

TEST_F(RuntimeDir, ALinkIsRefused) {
  std::filesystem::create_directory_symlink(parent_, parent_ + "/link");
  choose(parent_ + "/link");
  EXPECT_THROW(runtime_dir(), UserError);
}

}  // namespace
}  // namespace samepage
