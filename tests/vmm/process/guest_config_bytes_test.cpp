// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_config_bytes.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

/// Nothing in it is as it is by default, and its strings are awkward.
GuestProcessConfig unusual() {
  GuestProcessConfig guest;
  guest.name = "web-1";
  guest.first_number = 7;
  guest.image = "./a \xff image";
  guest.machine.image = "/tmp/a \xff image";
  guest.machine.command_line = "common=2000 \"quoted\" \xc3\n";
  guest.machine.memory_bytes = std::uint64_t{7} << 40U;
  guest.machine.cpus = 3;
  guest.machine.roms = {{"rom-1", Gpa{0xd000'0000}}, {"rom-2", Gpa{0xd001'0000}}};
  guest.machine.devices.disks = {{"a", DiskAccess::read_only},
                                 {"b,c", DiskAccess::read_write},
                                 {"d", DiskAccess::overlay, FileAsItWas{4096, 1234567890123456789}}};
  guest.machine.devices.pmems = {{"e", PmemAccess::shared, Gpa{0x1'4000'0000}},
                                 {"f", PmemAccess::read_only, {}, FileAsItWas{8192, -1}}};
  guest.machine.devices.nets = {{"tap0", MacAddress{2, 0, 0, 0, 10, 255}}, {"tap1", {}}};
  guest.machine.devices.rng = guest.machine.devices.balloon = guest.machine.devices.console = true;
  guest.machine.initrd = "initrd";
  guest.machine.entry = EntryChoice::compressed;
  guest.domain = {DomainChoice::Kind::zero_only, "tenant"};
  guest.joins_later = true;
  guest.afterwards = Afterwards::recorded;
  guest.console_content = ConsoleContent::emptied;
  guest.starts = Starts::paused;
  guest.note = "<domain/>";
  return guest;
}

TEST(GuestConfigBytes, ReadsWhatWasWritten) {
  const GuestProcessConfig guest = guest_config_of(bytes_of(unusual()));
  EXPECT_EQ(bytes_of(guest), bytes_of(unusual()));
  EXPECT_EQ(guest.name, "web-1");
  EXPECT_EQ(guest.first_number, 7U);
  EXPECT_EQ(guest.image, "./a \xff image");
  EXPECT_EQ(guest.domain.text(), "zero-only");
  EXPECT_EQ(guest.domain.label, "tenant");
  EXPECT_TRUE(guest.joins_later);
  EXPECT_EQ(guest.afterwards, Afterwards::recorded);
  EXPECT_EQ(guest.console_content, ConsoleContent::emptied);
  EXPECT_EQ(guest.starts, Starts::paused);
  EXPECT_EQ(guest.note, "<domain/>");
}

TEST(GuestConfigBytes, ReadsTheMachineThatWasWritten) {
  const MachineConfig machine = guest_config_of(bytes_of(unusual())).machine;
  EXPECT_EQ(machine.image, "/tmp/a \xff image");
  EXPECT_EQ(machine.command_line, "common=2000 \"quoted\" \xc3\n");
  EXPECT_EQ(machine.memory_bytes, std::uint64_t{7} << 40U);
  EXPECT_EQ(machine.cpus, 3U);
  ASSERT_EQ(machine.roms.size(), 2U);
  EXPECT_EQ(machine.roms[1].path, "rom-2");
  EXPECT_EQ(machine.roms[1].address, Gpa{0xd001'0000});
  EXPECT_EQ(machine.initrd, "initrd");
  EXPECT_EQ(machine.entry, EntryChoice::compressed);
}

TEST(GuestConfigBytes, ReadsTheDevicesThatWereWritten) {
  const DeviceConfig devices = guest_config_of(bytes_of(unusual())).machine.devices;
  ASSERT_EQ(devices.disks.size(), 3U);
  EXPECT_EQ(devices.disks[1].path, "b,c");
  EXPECT_EQ(devices.disks[1].access, DiskAccess::read_write);
  EXPECT_FALSE(devices.disks[1].expected);
  EXPECT_EQ(devices.disks[2].expected, (FileAsItWas{4096, 1234567890123456789}));
  ASSERT_EQ(devices.pmems.size(), 2U);
  EXPECT_EQ(devices.pmems[1].expected, (FileAsItWas{8192, -1}));
  EXPECT_EQ(devices.pmems[0].access, PmemAccess::shared);
  EXPECT_EQ(devices.pmems[0].address, Gpa{0x1'4000'0000});
  EXPECT_FALSE(devices.pmems[1].address);
  ASSERT_EQ(devices.nets.size(), 2U);
  EXPECT_EQ(devices.nets[0].mac, (MacAddress{2, 0, 0, 0, 10, 255}));
  EXPECT_FALSE(devices.nets[1].mac);
  EXPECT_TRUE(devices.rng && devices.balloon && devices.console);
}

TEST(GuestConfigBytes, OtherBytesAreRefused) {
  const std::string bytes = bytes_of(unusual());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(guest_config_of(bytes.substr(0, length)), UserError) << length;
  }
  EXPECT_THROW(guest_config_of(bytes + "x"), UserError);
  EXPECT_THROW(guest_config_of("\xa0"), UserError) << "an object without fields";
}

}  // namespace
}  // namespace samepage::vmm
