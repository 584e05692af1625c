// SPDX-License-Identifier: Apache-2.0
// The arguments of KVM's MSR calls, with the right numbers: see cpuid_table.hpp for what is wrong with the
// ones of <linux/kvm.h> in C++.
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace samepage::vmm {

/// kvm_msrs with room for as many entries as KVM takes in one call.
struct MsrList {
  struct Header {
    std::uint32_t count = 0;
    std::uint32_t padding = 0;
  };
  Header header;
  std::array<kvm_msr_entry, 255> entries{};
};
static_assert(offsetof(MsrList, entries) == 8 && sizeof(kvm_msr_entry) == 16);

/// kvm_msr_list with room for more entries than KVM has.
struct MsrIndexList {
  std::uint32_t count = 0;
  std::array<std::uint32_t, 2048> indexes{};
};

inline constexpr unsigned long get_msrs_call = _IOWR(KVMIO, 0x88, MsrList::Header);
inline constexpr unsigned long set_msrs_call = _IOW(KVMIO, 0x89, MsrList::Header);
inline constexpr unsigned long get_msr_index_list_call = _IOWR(KVMIO, 0x02, std::uint32_t);
static_assert(get_msrs_call == 0xc008ae88 && set_msrs_call == 0x4008ae89 &&
              get_msr_index_list_call == 0xc004ae02);

}  // namespace samepage::vmm
