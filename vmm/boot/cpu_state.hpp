// SPDX-License-Identifier: Apache-2.0
// The registers that a PVH guest starts with: Xen's "x86/HVM direct boot ABI". Pure: values in, values out.
#pragma once

#include <linux/kvm.h>

#include "base/types.hpp"

namespace samepage::vmm {

/// 32-bit protected mode, paging off, flat segments, interrupts off, ebx = the start info. What `sregs`
/// says of the local APIC stays.
void set_pvh_entry(kvm_sregs& sregs);
kvm_regs pvh_entry_registers(Gpa entry);

}  // namespace samepage::vmm
