// SPDX-License-Identifier: Apache-2.0
#include "base/memory_cgroup.hpp"

#include <gtest/gtest.h>

namespace samepage {
namespace {

TEST(MemoryCgroups, AreThoseWhoseControllersAreMemoryOrWhoseVersionIsTwo) {
  const auto groups = memory_cgroups("9:name=systemd:/s\n4:cpu,memory:/a/b\nnonsense\n3:memory2:/c\n0::/d:e");
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].version, 1);
  EXPECT_EQ(groups[0].path, "/a/b");
  EXPECT_EQ(groups[1].version, 2);
  EXPECT_EQ(groups[1].path, "/d:e");
  EXPECT_TRUE(memory_cgroups("").empty());
}

TEST(MemoryCgroups, AWordOfAListIsAWholeOne) {
  EXPECT_TRUE(has_word("cpu,memory", "memory"));
  EXPECT_TRUE(has_word("memory", "memory"));
  EXPECT_FALSE(has_word("cpu,memory2", "memory"));
  EXPECT_FALSE(has_word("", "memory"));
}

}  // namespace
}  // namespace samepage
