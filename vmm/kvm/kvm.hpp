// SPDX-License-Identifier: Apache-2.0
// /dev/kvm: what this host's KVM is and can do, and where VMs come from. Used while a machine is built, by
// one thread.
#pragma once

#include <linux/kvm.h>

#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace samepage::vmm {

class Kvm {
 public:
  /// Opens `device`. Throws UserError, with the way to get it, when it is not there, may not be opened, or
  /// lacks what a machine needs.
  explicit Kvm(const char* device = "/dev/kvm");

  [[nodiscard]] UniqueFd create_vm() const;
  /// A capability's value; 0 when KVM does not have it.
  [[nodiscard]] int capability(int number) const;
  /// The most vCPUs that a VM may have.
  [[nodiscard]] unsigned max_vcpus() const;
  [[nodiscard]] VcpuLayout vcpu_layout() const;
  /// What KVM can give a guest of this host's CPUID.
  [[nodiscard]] std::vector<kvm_cpuid_entry2> supported_cpuid() const;
  /// The MSRs that KVM has and can save.
  [[nodiscard]] std::vector<std::uint32_t> msr_indexes() const;

 private:
  UniqueFd fd_;
};

}  // namespace samepage::vmm
