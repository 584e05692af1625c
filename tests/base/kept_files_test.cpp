// SPDX-License-Identifier: Apache-2.0
#include "base/kept_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"
#include "tests/base/wait_until.hpp"

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

TEST(KeptFiles, AKernelsFileThatComesLaterIsFound) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/file";
  std::ofstream(file) << "here";
  const UniqueFd later(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  constexpr int number = 700;
  const std::string path = "/proc/self/fd/" + std::to_string(number);
  EXPECT_EQ(kept_text(path), "");
  const UniqueFd there(::dup3(later.get(), number, O_CLOEXEC));
  ASSERT_TRUE(there);
  wait_until(path + " is found", [&] { return !kept_text(path).empty(); });
  EXPECT_EQ(kept_text(path), "here");
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
