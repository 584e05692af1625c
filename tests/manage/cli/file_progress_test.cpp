// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/file_progress.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

using std::chrono::seconds;

TEST(FileProgress, AWriterIsGivenUpWhenNothingHasChangedForSoLong) {
  const FileProgress::Clock::time_point start{};
  FileProgress progress(seconds(10), start);
  struct stat info {};
  EXPECT_FALSE(progress.stalled(info, start + seconds(9)));
  info.st_blocks = 8;
  EXPECT_FALSE(progress.stalled(info, start + seconds(11)));
  EXPECT_FALSE(progress.stalled(info, start + seconds(20)));
  info.st_mtim.tv_nsec = 1;  // written again at the same place
  EXPECT_FALSE(progress.stalled(info, start + seconds(25)));
  EXPECT_FALSE(progress.stalled(info, start + seconds(34)));
  EXPECT_TRUE(progress.stalled(info, start + seconds(35)));
}

}  // namespace
}  // namespace samepage::cli
