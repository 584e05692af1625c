// SPDX-License-Identifier: Apache-2.0
// One vCPU's descriptor and the area that it shares with KVM. Built by the machine's thread, then used by
// the vCPU's own thread alone; only immediate_exit() is for others.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// How large what belongs to a vCPU is with this host's KVM and CPU.
struct VcpuLayout {
  static constexpr std::size_t least_xsave_bytes = 4096;

  std::size_t run_area_bytes = 0;               // the area that its descriptor is mapped with
  std::size_t xsave_bytes = least_xsave_bytes;  // FPU, SSE, AVX, ...
  bool xcrs = false;                            // the CPU has extended control registers
};

class Vcpu {
 public:
  Vcpu(UniqueFd fd, VcpuLayout layout);

  /// Runs the guest until it exits. 0, or the errno of KVM_RUN: EINTR and EAGAIN mean nothing happened.
  [[nodiscard]] int run();
  /// Why run() returned 0.
  [[nodiscard]] kvm_run& exit() const;
  /// The data of a port exit: count elements of size bytes each.
  [[nodiscard]] std::span<std::byte> port_data() const;
  /// While this is 1, KVM_RUN returns EINTR at once.
  [[nodiscard]] std::uint8_t& immediate_exit() const { return exit().immediate_exit; }

  /// Whether it waits for an interrupt: the guest has halted it, or not started it.
  [[nodiscard]] bool idle() const;

  [[nodiscard]] kvm_regs regs() const;
  void set_regs(const kvm_regs& regs);
  [[nodiscard]] kvm_sregs sregs() const;
  void set_sregs(const kvm_sregs& sregs);
  /// Must come before registers that depend on it, such as EFER.
  void set_cpuid(std::vector<kvm_cpuid_entry2> entries);
  /// As it was set.
  [[nodiscard]] const std::vector<kvm_cpuid_entry2>& cpuid() const { return cpuid_; }
  /// Sets a model-specific register; false where this KVM does not have it.
  [[nodiscard]] bool set_msr(std::uint32_t index, std::uint64_t value);
  /// The frequency of the vCPU's TSC; 0 when KVM does not tell.
  [[nodiscard]] std::uint32_t tsc_khz() const;

  /// For save() and restore() (vcpu_state.hpp).
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const VcpuLayout& layout() const { return layout_; }

 private:
  UniqueFd fd_;
  VcpuLayout layout_;
  Mapping run_;
  std::vector<kvm_cpuid_entry2> cpuid_;
};

}  // namespace samepage::vmm
