// SPDX-License-Identifier: Apache-2.0
#include "base/memory_room.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/process_memory.hpp"
#include "base/temporary_directory.hpp"

namespace samepage {
namespace {

constexpr std::string_view version_2 =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr std::string_view version_1 =
    "20 1 0:1 / / rw - ext4 /dev/vda rw\n"
    "34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

// /proc and /sys of a host with 1,000 KiB of memory, 800 of them available.
class MemoryRoomTest : public testing::Test {
 protected:
  MemoryRoomTest() { write("proc/meminfo", "MemTotal:   1000 kB\nMemFree:  1 kB\nMemAvailable:  800 kB\n"); }

  void write(const std::string& path, std::string_view text) const {
    const std::filesystem::path file = root_.path() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void mounts(std::string_view text) const { write("proc/self/mountinfo", text); }
  void own_cgroup(std::string_view text) const { write("proc/self/cgroup", text); }
  // Sizes in bytes.
  void cgroup_2(const std::string& path, const std::string& max, const std::string& high, int current,
                int inactive = 0, int active = 0) const {
    const std::string folder = "sys/fs/cgroup" + path;
    write(folder + "/memory.max", max + "\n");
    write(folder + "/memory.high", high + "\n");
    write(folder + "/memory.current", std::to_string(current) + "\n");
    write(folder + "/memory.stat", "anon 5\ninactive_file " + std::to_string(inactive) + "\nactive_file " +
                                       std::to_string(active) + "\nslab 3\n");
  }
  void cgroup_1(const std::string& path, std::uint64_t limit, int usage, int inactive = 0,
                int active = 0) const {
    const std::string folder = "sys/fs/cgroup/memory" + path;
    write(folder + "/memory.limit_in_bytes", std::to_string(limit) + "\n");
    write(folder + "/memory.usage_in_bytes", std::to_string(usage) + "\n");
    write(folder + "/memory.stat", "inactive_file 1\nactive_file 1\ntotal_inactive_file " +
                                       std::to_string(inactive) + "\ntotal_active_file " +
                                       std::to_string(active) + "\n");
  }
  [[nodiscard]] MemoryRoomReader reader() const {
    return MemoryRoomReader(root_.path() + "/proc", root_.path() + "/sys");
  }
  void expect(std::uint64_t available, std::uint64_t limit) const {
    const MemoryRoom room = reader().read();
    EXPECT_EQ(room.available, available);
    EXPECT_EQ(room.limit, limit);
  }
  void expect_host() const { expect(800 << 10, 1000 << 10); }

  const TemporaryDirectory root_;
};

TEST_F(MemoryRoomTest, WithoutCgroupsTheHostIsTheBound) {
  expect_host();
  mounts(version_2);
  expect_host();
  own_cgroup("0::/a\n");
  expect_host();
}

TEST_F(MemoryRoomTest, WhatCannotBeReadIsNoBound) {
  std::filesystem::remove(root_.path() + "/proc/meminfo");
  expect(std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max());
  mounts(version_2);
  own_cgroup("nonsense\n0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "100000\n");
  expect(std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max());
  cgroup_2("/a", "100000", "max", 40000);
  expect(60000, 100000);
}

TEST_F(MemoryRoomTest, MaxAndHighAreBounds) {
  mounts(version_2);
  own_cgroup("0::/a\n");
  cgroup_2("/a", "max", "max", 40000);
  expect_host();
  cgroup_2("/a", "100000", "max", 40000);
  expect(60000, 100000);
  cgroup_2("/a", "100000", "90000", 40000);
  expect(50000, 90000);
  cgroup_2("/a", "max", "90000", 95000);
  expect(0, 90000);
}

TEST_F(MemoryRoomTest, PageCacheIsRoom) {
  mounts(version_2);
  own_cgroup("0::/a\n");
  cgroup_2("/a", "100000", "max", 95000, 10000, 7000);
  expect(22000, 100000);
  cgroup_2("/a", "100000", "max", 95000, 90000, 90000);  // read at another moment
  expect(100000, 100000);
}

TEST_F(MemoryRoomTest, WhatIsUnusedHasNoCacheInIt) {
  write("proc/meminfo", "MemTotal:   1000 kB\nMemFree:  100 kB\nMemAvailable:  800 kB\n");
  EXPECT_EQ(reader().read().unused, 100U << 10);
  mounts(version_2);
  own_cgroup("0::/a\n");
  cgroup_2("/a", "100000", "max", 95000, 10000, 7000);
  EXPECT_EQ(reader().read().unused, 5000U);
  EXPECT_EQ(reader().read().available, 22000U);
}

TEST_F(MemoryRoomTest, WaitingIsToldOfTheHostOrCgroupThatHasTheLeastRoom) {
  EXPECT_EQ(reader().read().stalled_us, std::nullopt);
  write("proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=41506\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
        "total=10045\n");
  const MemoryRoom host = reader().read();
  EXPECT_EQ(host.stalled_us, 41506U);
  mounts(version_2);
  own_cgroup("0::/a/b\n");
  cgroup_2("/a/b", "500000", "max", 1000);
  cgroup_2("/a", "100000", "max", 40000);
  EXPECT_EQ(reader().read().stalled_us, std::nullopt) << "that one does not tell";
  write("sys/fs/cgroup/a/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  write("sys/fs/cgroup/a/b/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=8\n");
  const MemoryRoom cgroup = reader().read();
  EXPECT_EQ(cgroup.stalled_us, 7U);
  EXPECT_NE(cgroup.source, host.source);
  write("sys/fs/cgroup/a/memory.pressure", "full total=7\nnonsense\n");
  EXPECT_EQ(reader().read().stalled_us, std::nullopt);
}

TEST_F(MemoryRoomTest, CgroupsOfVersionOneAreToldOfByTheHost) {
  mounts(version_1);
  own_cgroup("4:cpu,memory:/a\n0::/\n");
  cgroup_1("/a", 200000, 190000);
  write("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n");
  const MemoryRoom room = reader().read();
  EXPECT_EQ(room.limit, 200000U);
  EXPECT_EQ(room.stalled_us, 9U);
}

TEST_F(MemoryRoomTest, TheTightestAncestorCounts) {
  mounts(version_2);
  own_cgroup("0::/a/b/c\n");
  cgroup_2("/a/b/c", "500000", "max", 1000);
  cgroup_2("/a/b", "max", "max", 300000);
  cgroup_2("/a", "310000", "max", 305000, 1000);
  cgroup_2("/other", "1000", "max", 1000);
  expect(6000, 310000);
  cgroup_2("/a/b/c", "6000", "max", 1000);
  expect(5000, 6000);
}

TEST_F(MemoryRoomTest, AProcessThatMovesIsFollowed) {
  mounts(version_2);
  own_cgroup("0::/a\n");
  cgroup_2("/a", "100000", "max", 40000);
  cgroup_2("/b", "50000", "max", 40000);
  MemoryRoomReader moving = reader();
  EXPECT_EQ(moving.read().available, 60000U);
  own_cgroup("0::/b\n");
  EXPECT_EQ(moving.read().available, 10000U);
}

TEST_F(MemoryRoomTest, VersionOne) {
  mounts(version_1);
  own_cgroup("5:devices:/x\n4:cpu,memory:/a/b\n0::/unified\n");
  cgroup_1("", 9223372036854771712U, 700000);  // not limited
  cgroup_1("/a", 200000, 190000, 20000, 5000);
  cgroup_1("/a/b", 9223372036854771712U, 700000);
  expect(35000, 200000);
  cgroup_1("/a/b", 100000, 90000);
  expect(10000, 100000);
}

TEST_F(MemoryRoomTest, AContainerSeesItsCgroupAtTheMountsRoot) {
  mounts("35 31 0:32 /docker/1\\0402 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  own_cgroup("4:memory:/docker/1 2/in\n");
  cgroup_1("", 200000, 190000);
  expect(10000, 200000);  // "/in" is not there
  cgroup_1("/in", 100000, 95000);
  expect(5000, 100000);
  for (const char* const elsewhere : {"/docker/1 23", "/lxc", "/../lxc"}) {
    own_cgroup(std::string("4:memory:") + elsewhere + "\n");
    expect(10000, 200000);
  }
}

TEST_F(MemoryRoomTest, OfSeveralMountsTheOneThatShowsTheCgroupIsRead) {
  mounts(std::string("29 23 0:26 /other /mnt/nowhere rw - cgroup2 cgroup2 rw\n") + std::string(version_2));
  own_cgroup("0::/a\n");
  cgroup_2("/a", "100000", "max", 40000);
  expect(60000, 100000);
}

TEST_F(MemoryRoomTest, NoTwoPlacesAreTheSame) {
  mounts(version_2);
  EXPECT_EQ(reader().read().place, 0U) << "the host";
  own_cgroup("0::/a\n");
  cgroup_2("/a", "100000", "max", 40000);
  const std::uint64_t a = reader().read().place;
  EXPECT_NE(a, 0U);
  EXPECT_EQ(reader().read().place, a);
  own_cgroup("0::/b\n");
  cgroup_2("/b", "100000", "max", 40000);
  EXPECT_NE(reader().read().place, a);
}

TEST_F(MemoryRoomTest, SwapIsRoomAsFarAsTheCgroupMayUseIt) {
  EXPECT_EQ(reader().swap_room(), 0U) << "there is none";
  write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 800 kB\nSwapFree: 100 kB\n");
  EXPECT_EQ(reader().swap_room(), 100U << 10);
  mounts(version_2);
  own_cgroup("0::/a/b\n");
  cgroup_2("/a/b", "100000", "max", 40000);
  write("sys/fs/cgroup/a/b/memory.swap.max", "max\n");
  EXPECT_EQ(reader().swap_room(), 100U << 10);
  cgroup_2("/a", "max", "max", 40000);
  write("sys/fs/cgroup/a/memory.swap.max", "5000\n");
  write("sys/fs/cgroup/a/memory.swap.current", "2000\n");
  EXPECT_EQ(reader().swap_room(), 3000U);
}

TEST_F(MemoryRoomTest, AVersionOneCgroupWithoutSwappinessUsesNoSwap) {
  write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 800 kB\nSwapFree: 100 kB\n");
  mounts(version_1);
  own_cgroup("4:cpu,memory:/a\n0::/\n");
  cgroup_1("/a", 200000, 190000);
  write("sys/fs/cgroup/memory/a/memory.swappiness", "60\n");
  EXPECT_EQ(reader().swap_room(), 100U << 10);
  write("sys/fs/cgroup/memory/a/memory.swappiness", "0\n");
  EXPECT_EQ(reader().swap_room(), 0U);
}

// A confined process asks another one for what it opens, and a look must not wait for that.
TEST_F(MemoryRoomTest, OpensNoFolderAtTheSecondLook) {
  mounts(version_2);
  own_cgroup("0::/a/b\n");
  cgroup_2("/a", "500000", "max", 100000);
  cgroup_2("/a/b", "200000", "max", 190000);
  MemoryRoomReader room = reader();
  const std::uint64_t place = room.read().place;
  std::filesystem::rename(root_.path() + "/sys/fs/cgroup/a", root_.path() + "/elsewhere");
  cgroup_2("/a", "500000", "max", 100000);
  cgroup_2("/a/b", "200000", "max", 190000);  // another folder there
  EXPECT_EQ(room.read().place, place);
  EXPECT_NE(reader().read().place, place);
}

TEST(MemoryRoom, ThisHostHasSome) {
  const MemoryRoom room = MemoryRoomReader().read();
  EXPECT_GT(room.available, 0U);
  EXPECT_GE(room.limit, room.available);
  EXPECT_LE(room.limit, host_memory("MemTotal"));
}

}  // namespace
}  // namespace samepage
