// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/device_options.hpp"

#include <gmock/gmock.h>

namespace samepage::cli {
namespace {

using testing::ElementsAre;
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

TEST(DeviceOptions, GoToAChildAsTheyCame) {
  vmm::DeviceConfig devices;
  devices.disks = {{"a", DiskAccess::read_only}, {"b,c", DiskAccess::overlay}, {"d", DiskAccess::read_write}};
  devices.rng = true;
  std::vector<std::string> words;
  append_device_options(words, devices);
  EXPECT_THAT(words, ElementsAre("--disk", "a,ro", "--disk", "b,c,overlay", "--disk", "d,rw", "--rng"));
}

}  // namespace
}  // namespace samepage::cli
