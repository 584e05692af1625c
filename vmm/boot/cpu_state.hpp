// SPDX-License-Identifier: Apache-2.0
// The registers that a guest starts with: Xen's "x86/HVM direct boot ABI" (PVH), Multiboot 3.2, and the
// 64-bit boot protocol of Documentation/arch/x86/boot.rst. Pure: values in, values out.
#pragma once

#include <linux/kvm.h>

#include "base/types.hpp"
#include "vmm/boot/image.hpp"

namespace samepage::vmm {

/// PVH and Multiboot: 32-bit protected mode, paging off, flat segments, interrupts off, ebx = the start info.
/// Linux: long mode, paging on, rsi = the boot parameters. What `sregs` says of the local APIC stays.
void set_entry(kvm_sregs& sregs, BootProtocol protocol);
kvm_regs entry_registers(Gpa entry, BootProtocol protocol);

}  // namespace samepage::vmm
