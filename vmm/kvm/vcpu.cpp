// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vcpu.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "vmm/kvm/cpuid_table.hpp"
#include "vmm/kvm/msr_list.hpp"

namespace samepage::vmm {

Vcpu::Vcpu(UniqueFd fd, VcpuLayout layout)
    : fd_(std::move(fd)), layout_(layout), run_(Mapping::shared(fd_.get(), layout.run_area_bytes)) {}

int Vcpu::run() {
  return ::ioctl(fd_.get(), KVM_RUN, 0) == 0 ? 0 : errno;
}

kvm_run& Vcpu::exit() const {
  // SAFETY: KVM maps a kvm_run at the start of the area, and the area is larger than it.
  return *reinterpret_cast<kvm_run*>(run_.data());
}

std::span<std::byte> Vcpu::port_data() const {
  const auto& io = exit().io;
  return run_.bytes().subspan(io.data_offset, std::size_t{io.count} * io.size);
}

kvm_regs Vcpu::regs() const {
  kvm_regs regs{};
  check(::ioctl(fd_.get(), KVM_GET_REGS, &regs), "KVM_GET_REGS");
  return regs;
}

void Vcpu::set_regs(const kvm_regs& regs) {
  check(::ioctl(fd_.get(), KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

kvm_sregs Vcpu::sregs() const {
  kvm_sregs sregs{};
  check(::ioctl(fd_.get(), KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
  return sregs;
}

void Vcpu::set_sregs(const kvm_sregs& sregs) {
  check(::ioctl(fd_.get(), KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
}

void Vcpu::set_cpuid(std::vector<kvm_cpuid_entry2> entries) {
  CpuidTable table;
  invariant(entries.size() <= table.entries.size(), "more CPUID entries than KVM takes");
  table.header.count = static_cast<std::uint32_t>(entries.size());
  std::copy(entries.begin(), entries.end(), table.entries.begin());
  check(::ioctl(fd_.get(), set_cpuid_call, &table), "KVM_SET_CPUID2");
  cpuid_ = std::move(entries);
}

bool Vcpu::set_msr(std::uint32_t index, std::uint64_t value) {
  MsrList list;
  list.header.count = 1;
  list.entries.front() = {index, 0, value};
  return ::ioctl(fd_.get(), set_msrs_call, &list) == 1;
}

bool Vcpu::idle() const {
  kvm_mp_state state{};
  return ::ioctl(fd_.get(), KVM_GET_MP_STATE, &state) == 0 && state.mp_state != KVM_MP_STATE_RUNNABLE;
}

std::uint32_t Vcpu::tsc_khz() const {
  return static_cast<std::uint32_t>(std::max(0, ::ioctl(fd_.get(), KVM_GET_TSC_KHZ, 0)));
}

}  // namespace samepage::vmm
