// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/cpu_state.hpp"

#include <gtest/gtest.h>

#include "vmm/boot/layout.hpp"

namespace samepage::vmm {
namespace {

TEST(CpuState, IsWhatThePvhEntryExpects) {
  kvm_sregs sregs{};
  sregs.apic_base = 0xfee0'0900;
  sregs.cr0 = 0x6000'0010;
  sregs.cr4 = 0x20;
  sregs.efer = 0x500;
  set_pvh_entry(sregs);
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
  const kvm_regs regs = pvh_entry_registers(Gpa{0x10'0000});
  EXPECT_EQ(regs.rip, 0x10'0000U);
  EXPECT_EQ(regs.rbx, layout::start_info.value);
  EXPECT_EQ(regs.rflags, 2U);
}

}  // namespace
}  // namespace samepage::vmm
