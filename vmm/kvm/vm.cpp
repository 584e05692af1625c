// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vm.hpp"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

// Has KVM tell of a triple fault and of what comes with an exception while they are pending, as part of a
// vCPU's events. Older kernels can't: there an exception's payload is delivered early, which is harmless.
void tell_of_pending(int fd) {
  for (const auto capability : {KVM_CAP_EXCEPTION_PAYLOAD, KVM_CAP_X86_TRIPLE_FAULT_EVENT}) {
    kvm_enable_cap enable{};
    enable.cap = static_cast<std::uint32_t>(capability);
    enable.args[0] = 1;
    static_cast<void>(::ioctl(fd, KVM_ENABLE_CAP, &enable));
  }
}

}  // namespace

Vm::Vm(const Kvm& kvm) : fd_(kvm.create_vm()) {
  // Intel CPUs that can't run real mode natively (no "unrestricted guest") need a TSS and an identity map;
  // both must be set before the first vCPU (Documentation/virt/kvm/api.rst 4.35, 4.36).
  check(::ioctl(fd_.get(), KVM_SET_TSS_ADDR, layout::kvm_tss.value), "KVM_SET_TSS_ADDR");
  std::uint64_t identity_map = layout::kvm_identity_map.value;
  check(::ioctl(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map), "KVM_SET_IDENTITY_MAP_ADDR");
  tell_of_pending(fd_.get());
}

void Vm::add_interrupt_controllers() const {
  check(::ioctl(fd_.get(), KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
}

Memslot Vm::map(Gpa address, std::span<const std::byte> memory, SlotAccess access) {
  kvm_userspace_memory_region region{};
  region.slot = slots_;
  region.flags = access == SlotAccess::read_only ? KVM_MEM_READONLY : 0U;
  region.guest_phys_addr = address.value;
  region.memory_size = memory.size();
  // SAFETY: KVM takes this process's address as a number; the caller keeps the memory mapped.
  region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory.data());
  check(::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  return {fd_.get(), slots_++};
}

void Vm::add_ioeventfd(int event, Gpa address) const {
  kvm_ioeventfd request{};
  request.addr = address.value;
  request.len = sizeof(std::uint32_t);
  request.fd = event;
  check(::ioctl(fd_.get(), KVM_IOEVENTFD, &request), "KVM_IOEVENTFD");
}

void Vm::add_irqfd(int event, std::uint32_t gsi) const {
  kvm_irqfd request{};
  request.fd = static_cast<std::uint32_t>(event);
  request.gsi = gsi;
  check(::ioctl(fd_.get(), KVM_IRQFD, &request), "KVM_IRQFD");
}

void Vm::add_interval_timer() const {
  kvm_pit_config config{};
  config.flags = KVM_PIT_SPEAKER_DUMMY;  // port 0x61 as well
  check(::ioctl(fd_.get(), KVM_CREATE_PIT2, &config), "KVM_CREATE_PIT2");
}

void Vm::set_interrupt_line(std::uint32_t gsi, bool up) const {
  kvm_irq_level level{};
  level.irq = gsi;
  level.level = up ? 1 : 0;
  check(::ioctl(fd_.get(), KVM_IRQ_LINE, &level), "KVM_IRQ_LINE");
}

UniqueFd Vm::create_vcpu(unsigned id) const {
  return checked_fd(::ioctl(fd_.get(), KVM_CREATE_VCPU, static_cast<unsigned long>(id)), "KVM_CREATE_VCPU");
}

}  // namespace samepage::vmm
