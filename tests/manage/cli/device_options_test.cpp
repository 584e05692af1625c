// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/device_options.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

using vmm::DiskAccess;

TEST(DeviceOptions, DisksAreOverlaidUnlessTheySayOtherwise) {
  EXPECT_EQ(parse_disk("root.img")->access, DiskAccess::overlay);
  EXPECT_EQ(parse_disk("root.img,overlay")->access, DiskAccess::overlay);
  EXPECT_EQ(parse_disk("root.img,ro")->access, DiskAccess::read_only);
  EXPECT_EQ(parse_disk("root.img,rw")->access, DiskAccess::read_write);
  EXPECT_EQ(parse_disk("a,b.img,rw")->path, "a,b.img");
}

TEST(DeviceOptions, WhatIsNoDisk) {
  for (const char* text : {"", ",ro", "root.img,", "root.img,RW", "root.img,ro ", "a,b"}) {
    EXPECT_FALSE(parse_disk(text)) << text;
  }
}

TEST(DeviceOptions, PersistentMemory) {
  EXPECT_EQ(parse_pmem("a.img,ro")->access, vmm::PmemAccess::read_only);
  EXPECT_EQ(parse_pmem("a.img,private")->access, vmm::PmemAccess::copied);
  const auto shared = parse_pmem("a,b.img,shared,address=0x140000000");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->path, "a,b.img");
  EXPECT_EQ(shared->access, vmm::PmemAccess::shared);
  EXPECT_EQ(shared->address, Gpa{0x1'4000'0000});
  for (const char* text :
       {"", "a.img", ",ro", "a.img,rw", "a.img,ro,address=", "a.img,address=4G", "a.img,ro,x=1"}) {
    EXPECT_FALSE(parse_pmem(text)) << text;
  }
}

TEST(DeviceOptions, Networks) {
  EXPECT_EQ(parse_net("tap=tap0")->tap, "tap0");
  EXPECT_FALSE(parse_net("tap=tap0")->mac);
  EXPECT_EQ(parse_net("tap=tap0,mac=02:00:00:00:0a:ff")->mac, (vmm::MacAddress{2, 0, 0, 0, 10, 255}));
  for (const char* text :
       {"", "tap0", "tap=", "tap=a,b", "tap=a,mac=", "tap=a,mac=02:00:00:00:00",
        "tap=a,mac=01:00:00:00:00:00", "tap=a,mac=02-00-00-00-00-00", "tap=a,mac=02:00:00:00:00:0g"}) {
    EXPECT_FALSE(parse_net(text)) << text;
  }
}

}  // namespace
}  // namespace samepage::cli
