// SPDX-License-Identifier: Apache-2.0
#include "vmm/opener/opener_policy.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

namespace samepage::vmm {
namespace {

using Target = Opening::Target;

const OpenerPolicy policy{
    42, "web-1", "/run/s", "/run/s", "/home/joe/samepage.log", {"/var/tmp", "/tmp", ""}};

std::string opened(std::string_view path, int flags = O_RDONLY | O_CLOEXEC) {
  const auto opening = opening_for(policy, path, flags);
  return opening ? std::string(opening->path.view()) : "refused";
}

TEST(OpenerPolicy, ItsOwnFiguresAreReadWhereTheOpenerSeesThem) {
  EXPECT_EQ(opened("/proc/self/maps"), "/proc/42/maps");
  EXPECT_EQ(opened("/proc/42/smaps_rollup"), "/proc/42/smaps_rollup");
  EXPECT_EQ(opened("/proc/self/task/43/stat"), "/proc/42/task/43/stat");
  EXPECT_EQ(opened("/proc/meminfo"), "/proc/meminfo");
  EXPECT_EQ(opened("/sys/fs/cgroup/a/memory.max"), "/sys/fs/cgroup/a/memory.max");
}

TEST(OpenerPolicy, NothingOfOthersIsRead) {
  for (const char* path :
       {"/etc/passwd", "/proc/1/maps", "/proc/self/mem", "/proc/self/environ", "/proc/42/task/43/mem",
        "/proc/self/task/../../1/stat", "/sys/fs/cgroup/../../../etc/passwd", "/proc/self/../1/maps",
        "/proc/sys/vm/..", "maps", "", "/run/s/guests/other.sock", "/run/s/ended/other",
        "/proc/self/fd/1x"}) {
    EXPECT_EQ(opened(path), "refused") << path;
  }
}

TEST(OpenerPolicy, NothingIsWrittenButItsRecordAndTheLog) {
  for (const char* path :
       {"/proc/self/maps", "/proc/meminfo", "/run/s/ended/web-1", "/run/s/ended", "/tmp"}) {
    EXPECT_EQ(opened(path, O_RDWR), "refused") << path;
    EXPECT_EQ(opened(path, O_WRONLY | O_CREAT | O_TRUNC), "refused") << path;
  }
  EXPECT_EQ(opened("/run/s/ended/.web-1.42", O_WRONLY | O_CREAT | O_TRUNC), "/run/s/ended/.web-1.42");
  EXPECT_EQ(opened("/run/s/ended/.web-2.42", O_WRONLY | O_CREAT | O_TRUNC), "refused");
  EXPECT_EQ(opened(policy.log, O_WRONLY | O_APPEND | O_CREAT), policy.log);
  EXPECT_EQ(opened(policy.log, O_WRONLY | O_CREAT), "refused");  // what others wrote stays
  EXPECT_EQ(opened(policy.log, O_RDONLY), "refused");
}

// A descriptor of a frame store, say, is one to read. Opened again by its user it could be one to write.
TEST(OpenerPolicy, WhatIsOpenIsOpenedAgainToReadOnly) {
  EXPECT_EQ(opened("/proc/self/fd/7", O_RDWR), "refused");
  EXPECT_EQ(opened("/proc/42/fd/7", O_RDWR | O_NONBLOCK), "refused");
  const auto to_read = opening_for(policy, "/proc/self/fd/7", O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(to_read);
  EXPECT_EQ(*to_read, (Opening{PathText("/proc/42/fd/7"), O_RDONLY, 0, Target::unnamed}));
  const auto to_write = opening_for(policy, "/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY);
  ASSERT_TRUE(to_write);
  EXPECT_EQ(to_write->target, Target::stream);
}

TEST(OpenerPolicy, TemporaryFilesHaveNoNames) {
  EXPECT_EQ(opened("/var/tmp", O_TMPFILE | O_RDWR), "/var/tmp");
  EXPECT_EQ(opened("/home/joe", O_TMPFILE | O_RDWR), "refused");
  EXPECT_EQ(opened("/tmp/file", O_RDWR | O_CREAT), "refused");
}

TEST(OpenerPolicy, OnlyItsOwnThingsAreRemovedAndRenamed) {
  EXPECT_TRUE(may_remove(policy, "/run/s/guests/web-1.sock"));
  EXPECT_FALSE(may_remove(policy, "/run/s/guests/web-2.sock"));
  EXPECT_FALSE(may_remove(policy, "/run/s/samepaged.sock"));
  EXPECT_TRUE(may_remove(policy, "/run/s/ended/old-7"));
  EXPECT_FALSE(may_remove(policy, "/run/s/ended/../guests/web-2.sock"));
  EXPECT_TRUE(may_rename(policy, "/run/s/ended/.web-1.42", "/run/s/ended/web-1"));
  EXPECT_FALSE(may_rename(policy, "/run/s/ended/.web-1.42", "/home/joe/.profile"));
  EXPECT_TRUE(may_rename(policy, policy.log, std::string(policy.log) + ".1"));
  EXPECT_FALSE(may_rename(policy, policy.log, "/home/joe/.profile"));
  EXPECT_TRUE(may_make_directory(policy, "/run/s/ended"));
  EXPECT_FALSE(may_make_directory(policy, "/run/s/other"));
}

}  // namespace
}  // namespace samepage::vmm
