// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/label_pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace samepage::dedup {
namespace {

TEST(LabelPattern, WhatFits) {
  struct Case {
    const char* pattern;
    const char* label;
    bool fits;
  };
  for (const Case& each : {
           Case{"web", "web", true},
           {"web", "web1", false},
           {"web", "we", false},
           {"web", "Web", false},
           {"*", "anything", true},
           {"lab-*", "lab-7", true},
           {"lab-*", "lab-", true},
           {"lab-*", "lab", false},
           {"lab-*", "my-lab-7", false},
           {"*-lab", "my-lab", true},
           {"*-lab", "my-lab-lab", true},
           {"*-lab", "my-lab-lap", false},
           {"a*b*c", "a-b-b-c", true},
           {"a*b*c", "a-c-b", false},
           {"?", "a", true},
           {"?", "ab", false},
           {"lab-?", "lab-", false},
           {"*?", "x", true},
           {"**", "x", true},
           {"a.c", "abc", false},
           // Of a mode:
           {"web", "web,uniform", true},
           {"*", "web,uniform", true},
           {"web,uniform", "web", false},
           {"web,uniform", "web,uniform", true},
           {"*,uniform", "web", false},
           {"w*,uniform", "web,uniform", true},
           {"w*,uniform", "lab,uniform", false},
           {"web*m", "web,uniform", false},
       }) {
    EXPECT_EQ(fits(each.pattern, each.label), each.fits) << each.pattern << " and " << each.label;
  }
}

// A matcher that tries every way to divide the label among the stars would not end.
TEST(LabelPattern, ManyStarsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 31; ++i) pattern += "*a";
  EXPECT_FALSE(fits(pattern + "b", std::string(63, 'a')));
}

TEST(LabelPattern, IsMadeOfWhatLabelsAreMadeOf) {
  for (const char* good : {"a", "*", "?", "lab-*", "A.b_c-9", "*a*", "lab-*,uniform"})
    EXPECT_TRUE(is_label_pattern(good)) << good;
  for (const char* bad : {"", "a b", "a/b", "[ab]", "a,b", "\xff", "a\n"})
    EXPECT_FALSE(is_label_pattern(bad)) << bad;
  EXPECT_FALSE(is_label_pattern(std::string(64, '*'))) << "longer than any label";
}

}  // namespace
}  // namespace samepage::dedup
