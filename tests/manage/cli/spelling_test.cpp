// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/spelling.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

const std::vector<std::string> commands{"run", "ps", "stat", "stop", "console", "image"};

TEST(LikelyWord, IsTheOneWithTheFewestLettersToChange) {
  EXPECT_EQ(likely_word("stats", commands), "stat");
  EXPECT_EQ(likely_word("sotp", commands), "stop") << "two letters in the wrong order are one mistake";
  EXPECT_EQ(likely_word("consol", commands), "console");
  EXPECT_EQ(likely_word("conzole", commands), "console");
  EXPECT_EQ(likely_word("rn", commands), "run");
  EXPECT_EQ(likely_word("pss", commands), "ps");
}

TEST(LikelyWord, ThereIsNoneForWhatIsLikeNothing) {
  for (const char* typed : {"", "fly", "x", "konnsoll", "statistics"}) {
    EXPECT_EQ(likely_word(typed, commands), "") << typed;
  }
  EXPECT_EQ(likely_word(std::string(100'000, 's'), commands), "");
  EXPECT_EQ(likely_word("stat", {}), "");
}

}  // namespace
}  // namespace samepage::cli
