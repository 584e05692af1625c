// SPDX-License-Identifier: Apache-2.0
// The argument of KVM's CPUID calls. <linux/kvm.h> ends kvm_cpuid2 in a flexible array that g++ gives a size
// (an empty struct has one byte in C++), so the header's own ioctl numbers come out wrong: these are right.
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace samepage::vmm {

/// kvm_cpuid2 with room for as many entries as KVM ever returns (KVM_MAX_CPUID_ENTRIES).
struct CpuidTable {
  struct Header {
    std::uint32_t count = 0;
    std::uint32_t padding = 0;
  };
  Header header;
  std::array<kvm_cpuid_entry2, 256> entries{};
};
static_assert(offsetof(CpuidTable, entries) == 8 && sizeof(kvm_cpuid_entry2) == 40);

inline constexpr unsigned long get_supported_cpuid_call = _IOWR(KVMIO, 0x05, CpuidTable::Header);
inline constexpr unsigned long set_cpuid_call = _IOW(KVMIO, 0x90, CpuidTable::Header);
static_assert(get_supported_cpuid_call == 0xc008ae05 && set_cpuid_call == 0x4008ae90);

}  // namespace samepage::vmm
