// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/memslot.hpp"

#include <linux/kvm.h>
#include <sys/ioctl.h>

namespace samepage::vmm {

Memslot::~Memslot() {
  if (vm_fd_ < 0) return;
  kvm_userspace_memory_region none{};  // a size of 0 removes the slot
  none.slot = number_;
  static_cast<void>(::ioctl(vm_fd_, KVM_SET_USER_MEMORY_REGION, &none));
}

}  // namespace samepage::vmm
