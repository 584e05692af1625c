// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace samepage {
namespace {

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_FALSE(parse_log_level("INFO"));
  EXPECT_FALSE(parse_log_level(""));
}

TEST(Log, AProcessThatNobodyAskedTellsOfErrorsAndWarnings) {
  if (std::getenv("SAMEPAGE_LOG") != nullptr) GTEST_SKIP() << "SAMEPAGE_LOG is set";
  EXPECT_TRUE(is_logged(LogLevel::error));
  EXPECT_TRUE(is_logged(LogLevel::warning));
  EXPECT_FALSE(is_logged(LogLevel::info));
  EXPECT_FALSE(is_logged(LogLevel::debug));
}

}  // namespace
}  // namespace samepage
