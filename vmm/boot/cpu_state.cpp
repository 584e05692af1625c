// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/cpu_state.hpp"

#include "vmm/boot/multiboot.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

// Segment types: SDM 3A 3.4.5.1 and 3.5. The descriptor tables are empty: the guest loads its own.
constexpr std::uint8_t code_execute_read = 0xb;
constexpr std::uint8_t data_read_write = 0x3;
constexpr std::uint8_t busy_tss_32 = 0xb;
constexpr std::uint64_t cr0_protected = 0x11;  // PE, ET
constexpr std::uint64_t cr0_paging = 0x8000'0000;
constexpr std::uint64_t cr4_pae = 0x20;
constexpr std::uint64_t efer_long_mode = 0x500;     // LME, LMA
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

void set_protected_mode(kvm_sregs& sregs) {
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

// The selectors are those that the protocol names, and the GDT has them.
void set_long_mode(kvm_sregs& sregs) {
  sregs.cs = flat(0x10, code_execute_read);
  sregs.cs.db = 0;
  sregs.cs.l = 1;
  const kvm_segment data = flat(0x18, data_read_write);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
  sregs.gdt.base = layout::linux_gdt.value;
  sregs.gdt.limit = 4 * 8 - 1;
  sregs.cr3 = layout::linux_page_tables.value;
  sregs.cr4 = cr4_pae;
  sregs.cr0 |= cr0_paging;
  sregs.efer = efer_long_mode;
}

}  // namespace

void set_entry(kvm_sregs& sregs, BootProtocol protocol) {
  set_protected_mode(sregs);
  if (protocol == BootProtocol::linux64) set_long_mode(sregs);
}

kvm_regs entry_registers(Gpa entry, BootProtocol protocol) {
  kvm_regs regs{};
  regs.rip = entry.value;
  regs.rflags = rflags_reserved_one;
  switch (protocol) {
    case BootProtocol::pvh:
      regs.rbx = layout::start_info.value;
      break;
    case BootProtocol::linux64:
      regs.rsi = layout::linux_parameters.value;
      break;
    case BootProtocol::multiboot:
      regs.rax = multiboot::entry_magic;
      regs.rbx = layout::multiboot_information.value;
      break;
  }
  return regs;
}

}  // namespace samepage::vmm
