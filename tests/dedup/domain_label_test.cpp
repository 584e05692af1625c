// SPDX-License-Identifier: Apache-2.0
#include "dedup/domain_label.hpp"

#include <gtest/gtest.h>

#include <string>

#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

TEST(DomainLabel, HasItsModeBehindAComma) {
  EXPECT_EQ(mode_of("tenant-a"), DomainMode::plain);
  EXPECT_EQ(mode_of("tenant-a,uniform"), DomainMode::uniform);
  EXPECT_EQ(mode_of("1000:tenant-a,uniform"), DomainMode::uniform);
  EXPECT_EQ(name_of_domain("tenant-a,uniform"), "tenant-a");
  EXPECT_EQ(name_of_domain("tenant-a"), "tenant-a");
}

TEST(DomainLabel, IsANameWithAModeOrWithout) {
  for (const char* text : {"a", "tenant-a", "tenant-a,uniform", "uniform", "none"}) {
    EXPECT_TRUE(is_domain_label(text)) << text;
  }
  for (const char* text :
       {"", ",uniform", "a,", "a,other", "a,uniform,uniform", "a,uniform ", "a b", "a/b"}) {
    EXPECT_FALSE(is_domain_label(text)) << text;
  }
}

TEST(DomainLabel, FitsItsFieldWithItsMode) {
  const std::string mode = ",uniform";
  const std::string longest(wire::max_name - 1 - mode.size(), 'x');
  EXPECT_TRUE(is_domain_label(longest + mode));
  EXPECT_FALSE(is_domain_label(longest + "x" + mode));
  EXPECT_TRUE(is_domain_label(longest + std::string(mode.size(), 'x')));
}

TEST(DomainLabel, ThatMeansSomethingElseIsNotChosen) {
  for (const char* text : {"default", "tenant-a", "default,uniform"})
    EXPECT_TRUE(may_be_chosen(text)) << text;
  for (const char* text :
       {"", "none", "zero-only", "uniform", "none,uniform", "zero-only,uniform", "-a", ".a", "-a,uniform"}) {
    EXPECT_FALSE(may_be_chosen(text)) << text;
  }
}

}  // namespace
}  // namespace samepage::dedup
