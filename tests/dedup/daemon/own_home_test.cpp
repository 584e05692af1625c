// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/own_home.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace samepage::dedup {
namespace {

using Homes = std::vector<std::string>;

std::string name() {
  return fmt::format("samepaged-{}", ::geteuid());
}

TEST(OwnHome, IsAsFarUpAsThereAreGroupsAboveOurs) {
  EXPECT_EQ(homes_above("0::/user.slice/user-1000.slice/a.scope\n"),
            (Homes{"/sys/fs/cgroup/" + name(), "/sys/fs/cgroup/user.slice/" + name(),
                   "/sys/fs/cgroup/user.slice/user-1000.slice/" + name()}));
}

TEST(OwnHome, IsInTheHierarchyThatAccountsForMemory) {
  EXPECT_EQ(homes_above("9:cpu,cpuacct:/x/y\n4:hugetlb,memory:/guests\n0::/z\n"),
            (Homes{"/sys/fs/cgroup/memory/" + name()}));
}

TEST(OwnHome, OfAProcessInTheRootIsBelowIt) {
  EXPECT_EQ(homes_above("4:memory:/\n"), (Homes{"/sys/fs/cgroup/memory/" + name()}));
}

TEST(OwnHome, IsNowhereWhereGroupsCannotBeReached) {
  EXPECT_EQ(homes_above("0::/../other\n"), Homes{});
  EXPECT_EQ(homes_above("4:cpu:/a\nnonsense\n"), Homes{});
  EXPECT_EQ(homes_above(""), Homes{});
}

}  // namespace
}  // namespace samepage::dedup
