// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/settled_config.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace samepage::vmm {
namespace {

TEST(SettledConfig, NothingDependsOnTheDirectoryAndNothingIsLeftToChance) {
  GuestProcessConfig config;
  config.machine.image = "./vmlinuz";
  config.machine.roms = {{"rom", Gpa{0xf000'0000}}};
  config.machine.devices.disks = {{"../disk", DiskAccess::overlay}, {"/srv/disk", DiskAccess::overlay}};
  config.machine.devices.nets = {{"tap0", {}}, {"tap1", MacAddress{2, 0, 0, 0, 0, 7}}};
  const GuestProcessConfig settled_one = settled(config, "web-3");
  const std::filesystem::path here = std::filesystem::current_path();
  EXPECT_EQ(settled_one.name, "web-3");
  EXPECT_EQ(settled_one.machine.image, (here / "./vmlinuz").string());
  EXPECT_EQ(settled_one.machine.initrd, "") << "none";
  EXPECT_EQ(settled_one.machine.roms[0].path, (here / "rom").string());
  EXPECT_EQ(settled_one.machine.devices.disks[0].path, (here / "../disk").string())
      << "a link before '..' may lead elsewhere";
  EXPECT_EQ(settled_one.machine.devices.disks[1].path, "/srv/disk");
  ASSERT_TRUE(settled_one.machine.devices.nets[0].mac);
  EXPECT_EQ((*settled_one.machine.devices.nets[0].mac)[0] & 3U, 2U) << "local, of one interface";
  EXPECT_EQ(settled_one.machine.devices.nets[1].mac, (MacAddress{2, 0, 0, 0, 0, 7}));
}

}  // namespace
}  // namespace samepage::vmm
