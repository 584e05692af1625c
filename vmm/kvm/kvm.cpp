// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/kvm.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "vmm/kvm/cpuid_table.hpp"
#include "vmm/kvm/msr_list.hpp"

namespace samepage::vmm {
namespace {

std::string_view way_to_kvm(int error) {
  if (error == EACCES || error == EPERM) {
    return "join the group that owns it (sudo usermod -aG kvm $USER) and log in again";
  }
  return "load KVM with `modprobe kvm_intel` or `modprobe kvm_amd`; inside a virtual machine, switch on "
         "nested virtualization for it; inside a container, start it with --device /dev/kvm";
}

UniqueFd open_kvm(const char* device) {
  const int fd = ::open(device, O_RDWR | O_CLOEXEC);
  if (fd >= 0) return UniqueFd(fd);
  const int error = errno;
  throw UserError(fmt::format("cannot open {}: {}; {}", device, std::strerror(error), way_to_kvm(error)));
}

struct Need {
  int capability;
  std::string_view name;
};

// What Machine uses without asking. All of it is in Linux 4.12.
constexpr std::array needs{
    Need{KVM_CAP_USER_MEMORY, "user memory"},
    Need{KVM_CAP_SYNC_MMU, "an MMU notifier"},
    Need{KVM_CAP_READONLY_MEM, "read-only memory"},
    Need{KVM_CAP_IRQCHIP, "an in-kernel irqchip"},
    Need{KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
    Need{KVM_CAP_SET_TSS_ADDR, "a TSS address"},
    Need{KVM_CAP_EXT_CPUID, "CPUID"},
};

}  // namespace

Kvm::Kvm(const char* device) : fd_(open_kvm(device)) {
  const int version = ::ioctl(fd_.get(), KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) {
    throw UserError(
        fmt::format("cannot use {}: it speaks KVM's interface {}, not {}; use Linux 5.10 or newer", device,
                    version, KVM_API_VERSION));
  }
  for (const Need& need : needs) {
    if (capability(need.capability) > 0) continue;
    throw UserError(
        fmt::format("cannot use {}: this KVM lacks {}; use Linux 5.10 or newer", device, need.name));
  }
}

UniqueFd Kvm::create_vm() const {
  return checked_fd(::ioctl(fd_.get(), KVM_CREATE_VM, 0UL), "KVM_CREATE_VM");
}

int Kvm::capability(int number) const {
  return std::max(0, ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, number));
}

unsigned Kvm::max_vcpus() const {
  // KVM's interface: without KVM_CAP_MAX_VCPUS the limit is KVM_CAP_NR_VCPUS, without that 4.
  for (const int number : {KVM_CAP_MAX_VCPUS, KVM_CAP_NR_VCPUS}) {
    if (const int limit = capability(number); limit > 0) return static_cast<unsigned>(limit);
  }
  return 4;
}

VcpuLayout Kvm::vcpu_layout() const {
  const int bytes = check(::ioctl(fd_.get(), KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
  const auto xsave = static_cast<std::size_t>(capability(KVM_CAP_XSAVE2));
  return {static_cast<std::size_t>(bytes), std::max(VcpuLayout::least_xsave_bytes, xsave),
          capability(KVM_CAP_XCRS) > 0};
}

std::vector<kvm_cpuid_entry2> Kvm::supported_cpuid() const {
  CpuidTable table;
  table.header.count = table.entries.size();
  check(::ioctl(fd_.get(), get_supported_cpuid_call, &table), "KVM_GET_SUPPORTED_CPUID");
  return {table.entries.begin(), table.entries.begin() + table.header.count};
}

std::vector<std::uint32_t> Kvm::msr_indexes() const {
  MsrIndexList list;
  list.count = list.indexes.size();
  check(::ioctl(fd_.get(), get_msr_index_list_call, &list), "KVM_GET_MSR_INDEX_LIST");
  return {list.indexes.begin(), list.indexes.begin() + list.count};
}

}  // namespace samepage::vmm
