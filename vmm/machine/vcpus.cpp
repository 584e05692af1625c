// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpus.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/check.hpp"
#include "base/confinement.hpp"
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

Vcpus::Vcpus(const Kvm& kvm, const Vm& vm, unsigned count, Links links)
    : kvm_(kvm), links_(links), tids_(std::make_unique<std::atomic<int>[]>(count)) {
  const VcpuLayout layout = kvm.vcpu_layout();
  vcpus_.reserve(count);
  for (unsigned i = 0; i < count; ++i) vcpus_.emplace_back(vm.create_vcpu(i), layout);
}

std::vector<kvm_cpuid_entry2> Vcpus::cpuid_of(unsigned index) const {
  const bool tsc_deadline = kvm_.capability(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  return guest_cpuid(kvm_.supported_cpuid(), {index, count()}, {tsc_deadline, vcpus_[index].tsc_khz()});
}

void Vcpus::start_at(const Image& image) {
  for (unsigned i = 0; i < count(); ++i) {
    vcpus_[i].set_cpuid(cpuid_of(i));
    if (image.kind != ImageKind::bare) set_firmware_msrs(vcpus_[i]);
  }
  start_at_entry(vcpus_.front(), image);
}

std::vector<VcpuState> Vcpus::save() const {
  const std::vector<std::uint32_t> msrs = state_msrs(kvm_);
  std::vector<VcpuState> states;
  for (const Vcpu& vcpu : vcpus_) states.push_back(vmm::save(vcpu, msrs));
  return states;
}

void Vcpus::restore(std::span<const VcpuState> states, std::uint64_t tsc_shift, ReadBack read_back) {
  for (unsigned i = 0; i < count(); ++i) {
    const std::vector<kvm_cpuid_entry2> had{states[i].cpuid.begin(), states[i].cpuid.end()};
    // What the vCPU has already this host has, too.
    const auto lacks = read_back == ReadBack::no ? std::nullopt : missing_feature(had, cpuid_of(i));
    if (lacks) {
      throw UserError(
          fmt::format("cannot restore vCPU {}: its CPU had {}, which this host's does not have; "
                      "use a host with the same CPU",
                      i, *lacks));
    }
    vmm::restore(vcpus_[i], states[i], tsc_shift, read_back);
  }
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
    ::pthread_setname_np(::pthread_self(), fmt::format("vcpu {}", index).c_str());
    confine_thread(ThreadKind::vcpu);
    while (links_.gate.enter(index)) {
      std::optional<GuestExit> exit = visit(index);
      // Before it is out: whoever holds the guest then must see that it has ended.
      if (exit) links_.ending.record(std::move(*exit));
      links_.gate.leave(index, vcpus_[index].idle());
      links_.console.flush_lines();  // outside: the reader may be slow, and holds nobody up
    }
    links_.console.flush();
  } catch (const std::exception& error) {
    links_.ending.record(
        {GuestExit::Kind::failed, 0, fmt::format("the host failed the guest: {}", error.what())});
    links_.gate.leave(index);
  }
  links_.gate.detach(index);
  links_.ending.thread_ended();
}

/// One visit to the guest; the gate has let the vCPU in. It ends with no exit left to complete: KVM finishes
/// an access to a port or to memory when it is called the next time, and until then the vCPU's registers are
/// those of neither before nor after it. So a vCPU that has to come out is called once more, and comes back
/// before it runs (immediate_exit).
std::optional<GuestExit> Vcpus::visit(unsigned index) {
  Vcpu& vcpu = vcpus_[index];
  for (;;) {
    const int error = vcpu.run();
    if (error == EINTR || error == EAGAIN) return std::nullopt;
    if (error != 0) return run_failed(vcpu, error);
    if (std::optional<GuestExit> exit = handle_exit(vcpu, links_.scene)) return exit;
    if (links_.console.has_lines()) {
      std::atomic_ref(vcpu.immediate_exit()).store(1, std::memory_order_relaxed);
    }
  }
}

}  // namespace samepage::vmm
