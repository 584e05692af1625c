// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/device_options.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

using vmm::DiskAccess;
using vmm::PmemAccess;

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

// What a guest had when it was forked or saved, and what its clones are told.
class ChosenFiles : public testing::Test {
 protected:
  static vmm::DeviceConfig with(std::vector<vmm::DiskConfig> disks) {
    vmm::DeviceConfig devices;
    devices.disks = std::move(disks);
    return devices;
  }
  static std::string why_not(vmm::DeviceConfig had, const vmm::DeviceConfig& told, unsigned guests = 1) {
    try {
      choose_files(had, told, guests);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  const vmm::DeviceConfig two_ = with({{"a", DiskAccess::read_only, vmm::FileAsItWas{1, 2}},
                                       {"b", DiskAccess::overlay, vmm::FileAsItWas{3, 4}}});
  const vmm::DeviceConfig own_ = with({{"a", DiskAccess::read_write}});
};

TEST_F(ChosenFiles, ThoseThatAreNotToldStayAndHaveToBeAsTheyWere) {
  vmm::DeviceConfig devices = two_;
  choose_files(devices, {}, 9);
  EXPECT_EQ(devices.disks[1].path, "b");
  EXPECT_EQ(devices.disks[1].expected, (vmm::FileAsItWas{3, 4}));
}

TEST_F(ChosenFiles, ThoseThatAreToldNeedNot) {
  vmm::DeviceConfig devices = two_;
  choose_files(devices, with({{"x", DiskAccess::read_only}, {"y", DiskAccess::overlay}}), 9);
  EXPECT_EQ(devices.disks[0].path, "x");
  EXPECT_FALSE(devices.disks[0].expected);
}

TEST_F(ChosenFiles, AsManyAndOfTheSameKind) {
  EXPECT_NE(why_not(two_, with({{"x", DiskAccess::read_only}})).find("has 2 files"), std::string::npos);
  EXPECT_NE(why_not(two_, with({{"x", DiskAccess::overlay}, {"y", DiskAccess::overlay}}))
                .find("write '--disk x,ro'"),
            std::string::npos);
  EXPECT_NE(why_not(two_, with({{"x", DiskAccess::read_only}, {"y", DiskAccess::read_write}}))
                .find("write '--disk y,overlay'"),
            std::string::npos);
}

TEST_F(ChosenFiles, ADiskOfItsOwnHasToBeToldAndIsForOneGuest) {
  EXPECT_NE(why_not(own_, {}).find("--disk"), std::string::npos);
  EXPECT_EQ(why_not(own_, with({{"x", DiskAccess::read_write}})), "");
  EXPECT_EQ(why_not(own_, with({{"x", DiskAccess::overlay}}), 2), "");
  EXPECT_NE(why_not(own_, with({{"x", DiskAccess::read_write}}), 2).find("several guests"),
            std::string::npos);
}

TEST_F(ChosenFiles, MemoryStaysWhereItWas) {
  vmm::DeviceConfig devices, told;
  devices.pmems = {{"p", PmemAccess::copied, Gpa{0xd000'0000}, vmm::FileAsItWas{1, 2}}};
  told.pmems = {{"q", PmemAccess::copied, {}}};
  choose_files(devices, told, 1);
  EXPECT_EQ(devices.pmems[0].path, "q");
  EXPECT_EQ(devices.pmems[0].address, Gpa{0xd000'0000});
  EXPECT_FALSE(devices.pmems[0].expected);
  told.pmems[0].access = PmemAccess::shared;
  EXPECT_NE(why_not(devices, told).find("write '--pmem q,private'"), std::string::npos);
}

}  // namespace
}  // namespace samepage::cli
