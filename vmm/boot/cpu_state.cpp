// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/cpu_state.hpp"

#include "vmm/boot/layout.hpp"

namespace samepage::vmm {
namespace {

// Segment types: SDM 3A 3.4.5.1 and 3.5. The descriptor tables are empty: the guest loads its own.
constexpr std::uint8_t code_execute_read = 0xb;
constexpr std::uint8_t data_read_write = 0x3;
constexpr std::uint8_t busy_tss_32 = 0xb;
constexpr std::uint64_t cr0_protected = 0x11;       // PE, ET
constexpr std::uint64_t rflags_reserved_one = 0x2;  // always set; IF, TF and VM are clear

kvm_segment flat(std::uint16_t selector, std::uint8_t type) {
  kvm_segment segment{};
  segment.limit = 0xffff'ffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.db = 1;
  segment.s = 1;  // code or data
  segment.g = 1;
  return segment;
}

kvm_segment task() {
  kvm_segment segment{};
  segment.limit = 0x67;
  segment.type = busy_tss_32;
  segment.present = 1;
  return segment;
}

}  // namespace

void set_pvh_entry(kvm_sregs& sregs) {
  sregs.cs = flat(0x8, code_execute_read);
  const kvm_segment data = flat(0x10, data_read_write);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
  sregs.tr = task();
  sregs.ldt = {};
  sregs.ldt.unusable = 1;
  sregs.gdt = {};
  sregs.idt = {};
  sregs.cr0 = cr0_protected;
  sregs.cr3 = 0;
  sregs.cr4 = 0;
  sregs.efer = 0;
}

kvm_regs pvh_entry_registers(Gpa entry) {
  kvm_regs regs{};
  regs.rip = entry.value;
  regs.rbx = layout::start_info.value;
  regs.rflags = rflags_reserved_one;
  return regs;
}

}  // namespace samepage::vmm
