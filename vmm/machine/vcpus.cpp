// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpus.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "base/check.hpp"
#include "vmm/boot/cpu_state.hpp"
#include "vmm/boot/cpuid.hpp"

namespace samepage::vmm {
namespace {

/// What firmware leaves behind: RAM is cached, and string instructions are fast. Where this KVM does not have
/// the register, nor has the guest.
void set_firmware_msrs(Vcpu& vcpu) {
  constexpr std::uint32_t mtrr_default_type = 0x2ff;
  constexpr std::uint64_t enabled_write_back = 0x806;
  constexpr std::uint32_t misc_enable = 0x1a0;
  constexpr std::uint64_t fast_strings = 0x1;
  static_cast<void>(vcpu.set_msr(mtrr_default_type, enabled_write_back));
  static_cast<void>(vcpu.set_msr(misc_enable, fast_strings));
}

void start_at_entry(Vcpu& vcpu, const Image& image) {
  kvm_sregs sregs = vcpu.sregs();
  set_entry(sregs, image.protocol);
  vcpu.set_sregs(sregs);
  vcpu.set_regs(entry_registers(image.entry, image.protocol));
}

}  // namespace

Vcpus::Vcpus(const Kvm& kvm, const Vm& vm, const Image& image, unsigned count, Links links)
    : links_(links), tids_(std::make_unique<std::atomic<int>[]>(count)) {
  const auto supported = kvm.supported_cpuid();
  const std::size_t run_area_bytes = kvm.run_area_bytes();
  const bool tsc_deadline = kvm.capability(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  for (unsigned i = 0; i < count; ++i) {
    Vcpu& vcpu = vcpus_.emplace_back(vm.create_vcpu(i), run_area_bytes);
    vcpu.set_cpuid(guest_cpuid(supported, {i, count}, {tsc_deadline, vcpu.tsc_khz()}));
    if (image.kind != ImageKind::bare) set_firmware_msrs(vcpu);
  }
  start_at_entry(vcpus_.front(), image);
}

Vcpus::~Vcpus() {
  join();
}

void Vcpus::start() {
  invariant(threads_.empty(), "vCPUs are started twice");
  for (unsigned i = 0; i < count(); ++i) threads_.emplace_back([this, i] { run(i); });
}

std::vector<VcpuFigures> Vcpus::figures() const {
  std::vector<VcpuFigures> figures;
  figures.reserve(count());
  for (unsigned i = 0; i < count(); ++i) figures.push_back(figures_of_thread(tids_[i]));
  return figures;
}

void Vcpus::join() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Vcpus::run(unsigned index) {
  tids_[index] = ::gettid();
  links_.gate.attach(index, vcpus_[index].immediate_exit());
  try {
    while (links_.gate.enter(index)) {
      std::optional<GuestExit> exit = run_once(index);
      links_.gate.leave(index);
      if (exit) links_.ending.record(std::move(*exit));
      links_.console.flush_lines();  // outside: the reader may be slow, and holds nobody up
    }
    links_.console.flush();
  } catch (const std::exception& error) {
    links_.gate.leave(index);
    links_.ending.record(
        {GuestExit::Kind::failed, 0, fmt::format("the host failed the guest: {}", error.what())});
  }
  links_.gate.detach(index);
  links_.ending.thread_ended();
}

/// One visit to the guest; the gate has let the vCPU in.
std::optional<GuestExit> Vcpus::run_once(unsigned index) {
  Vcpu& vcpu = vcpus_[index];
  const int error = vcpu.run();
  if (error == EINTR || error == EAGAIN) return std::nullopt;
  return error == 0 ? handle_exit(vcpu, links_.scene) : run_failed(vcpu, error);
}

}  // namespace samepage::vmm
