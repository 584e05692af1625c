// SPDX-License-Identifier: Apache-2.0
// What CPUID says to a guest's vCPU: what KVM supports here, with the host's topology replaced by the
// guest's. Pure. SDM 2A CPUID; AMD APM 3 appendix E; Documentation/virt/kvm/x86/cpuid.rst.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace samepage::vmm {

/// One package of `cpus` cores with one thread each; a vCPU's APIC id is its index.
struct CpuTopology {
  unsigned cpu = 0;
  unsigned cpus = 1;
};

struct TimerFeatures {
  bool tsc_deadline = false;  // the in-kernel LAPIC has the mode
  std::uint32_t tsc_khz = 0;  // 0: unknown
};

std::vector<kvm_cpuid_entry2> guest_cpuid(std::vector<kvm_cpuid_entry2> supported, CpuTopology topology,
                                          TimerFeatures timer);

/// A feature that a guest which has been told of `told` may be using, and that is not in `available`; empty
/// when there is none.
std::optional<std::string> missing_feature(const std::vector<kvm_cpuid_entry2>& told,
                                           const std::vector<kvm_cpuid_entry2>& available);

}  // namespace samepage::vmm
