// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/cpu_state.hpp"

#include <gtest/gtest.h>

#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

TEST(CpuState, IsWhatThePvhEntryExpects) {
  kvm_sregs sregs{};
  sregs.apic_base = 0xfee0'0900;
  sregs.cr0 = 0x6000'0010;
  sregs.cr4 = 0x20;
  sregs.efer = 0x500;
  set_entry(sregs, BootProtocol::pvh);
  EXPECT_EQ(sregs.cr0, 0x11U);
  EXPECT_EQ(sregs.cr4, 0U);
  EXPECT_EQ(sregs.efer, 0U);
  EXPECT_EQ(sregs.apic_base, 0xfee0'0900U);
  for (const kvm_segment& segment : {sregs.cs, sregs.ds, sregs.es, sregs.ss}) {
    EXPECT_EQ(segment.base, 0U);
    EXPECT_EQ(segment.limit, 0xffff'ffffU);
    EXPECT_TRUE(segment.present && segment.db && segment.s && segment.g && !segment.l);
  }
  EXPECT_EQ(sregs.cs.type, 0xbU);
  EXPECT_EQ(sregs.tr.limit, 0x67U);
  EXPECT_EQ(sregs.tr.type, 0xbU);
  EXPECT_EQ(sregs.tr.s, 0U);
}

TEST(CpuState, EntryFindsItsStartInfo) {
  const kvm_regs regs = entry_registers(Gpa{0x10'0000}, BootProtocol::pvh);
  EXPECT_EQ(regs.rip, 0x10'0000U);
  EXPECT_EQ(regs.rbx, layout::start_info.value);
  EXPECT_EQ(regs.rflags, 2U);
}

TEST(CpuState, LinuxEntryIsInLongModeWithItsParameters) {
  kvm_sregs sregs{};
  sregs.apic_base = 0xfee0'0900;
  set_entry(sregs, BootProtocol::linux64);
  EXPECT_EQ(sregs.cr0, 0x8000'0011U);
  EXPECT_EQ(sregs.cr3, layout::linux_page_tables.value);
  EXPECT_EQ(sregs.cr4, 0x20U);
  EXPECT_EQ(sregs.efer, 0x500U);
  EXPECT_EQ(sregs.apic_base, 0xfee0'0900U);
  EXPECT_TRUE(sregs.cs.l && !sregs.cs.db);
  EXPECT_EQ(sregs.cs.selector, 0x10U);
  EXPECT_EQ(sregs.ds.selector, 0x18U);
  const kvm_regs regs = entry_registers(Gpa{0x100'0000}, BootProtocol::linux64);
  EXPECT_EQ(regs.rsi, layout::linux_parameters.value);
}

TEST(CpuState, MultibootEntryHasItsMagic) {
  const kvm_regs regs = entry_registers(Gpa{0x40'0000}, BootProtocol::multiboot);
  EXPECT_EQ(regs.rax, 0x2bad'b002U);
  EXPECT_EQ(regs.rbx, layout::multiboot_information.value);
}

}  // namespace
}  // namespace samepage::vmm
