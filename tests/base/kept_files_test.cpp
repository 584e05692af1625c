// SPDX-License-Identifier: Apache-2.0
#include "base/kept_files.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <fstream>

#include "base/temporary_directory.hpp"

namespace samepage {
namespace {

TEST(KeptFiles, EachLookSeesWhatIsThereNow) {
  ::prctl(PR_SET_NAME, "first");
  EXPECT_EQ(kept_text("/proc/thread-self/comm"), "first\n");
  ::prctl(PR_SET_NAME, "second");
  EXPECT_EQ(kept_text("/proc/thread-self/comm"), "second\n");
}

TEST(KeptFiles, FilesOfOthersMayBeReplacedAndRemoved) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  EXPECT_EQ(kept_text(path), "");
  std::ofstream(path) << "one";
  EXPECT_EQ(kept_text(path), "one");
  std::ofstream(path + ".new") << "two";
  std::filesystem::rename(path + ".new", path);
  EXPECT_EQ(kept_text(path), "two");
  std::filesystem::remove(path);
  EXPECT_EQ(kept_text(path), "");
}

TEST(KeptFiles, ALongOneIsReadToItsEnd) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  const std::string text(10'000, 'x');
  std::ofstream(path) << text;
  EXPECT_EQ(kept_text(path), text);
}

}  // namespace
}  // namespace samepage
