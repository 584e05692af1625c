// SPDX-License-Identifier: Apache-2.0
// All of a vCPU that KVM lets us read and set, as a plain value. What is left out, and why:
//
// - Hyper-V's MSRs and the state of nested guests: no guest is offered either.
// - An exit that the VMM has not answered yet: a vCPU answers it before it leaves its gate (vcpus.cpp).
// - Page faults that the host works on while the guest goes on (KVM's asynchronous page faults): when the MSR
//   of them is set again KVM tells the guest that all of them are done.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/kvm/kernel_value.hpp"
#include "vmm/kvm/kvm.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace samepage::vmm {

struct Msr {
  std::uint32_t index = 0;
  std::uint64_t value = 0;

  bool operator==(const Msr&) const = default;
};

/// The guest's time-stamp counter is the host's plus `offset`, modulo 2^64.
struct TscState {
  std::uint32_t khz = 0;  // 0: KVM does not tell
  std::uint64_t offset = 0;

  bool operator==(const TscState&) const = default;
};

struct VcpuState {
  std::vector<KernelValue<kvm_cpuid_entry2>> cpuid;  // as it was set
  KernelValue<kvm_mp_state> mp_state{};
  KernelValue<kvm_regs> regs{};
  KernelValue<kvm_sregs2> sregs{};
  std::vector<std::uint8_t> xsave;  // FPU, SSE, AVX, ...
  KernelValue<kvm_xcrs> xcrs{};
  KernelValue<kvm_debugregs> debug{};
  KernelValue<kvm_lapic_state> lapic{};
  std::vector<Msr> msrs;
  KernelValue<kvm_vcpu_events> events{};
  TscState tsc;

  bool operator==(const VcpuState&) const = default;
};

/// Which MSRs belong to a vCPU's state: KVM's own list, and what it leaves out (MTRRs, banks of machine
/// checks). Some of them a vCPU may not have.
std::vector<std::uint32_t> state_msrs(const Kvm& kvm);

/// While the vCPU is out of KVM_RUN and has no exit to complete. Throws UserError that names the registers
/// that this KVM can't read.
VcpuState save(const Vcpu& vcpu, std::span<const std::uint32_t> msrs);

/// Whether what was set is read back: that takes as long as setting it. A vCPU that goes back to a state
/// which it was made from keeps it this time too.
enum class ReadBack : std::uint8_t { yes, no };

/// Of a vCPU that is out of KVM_RUN, over a copy of the memory. `tsc_shift` is added to the offset of the
/// TSC. Throws UserError that names the registers that KVM does not take or, read back, does not keep.
void restore(Vcpu& vcpu, const VcpuState& state, std::uint64_t tsc_shift, ReadBack read_back = ReadBack::yes);

}  // namespace samepage::vmm
