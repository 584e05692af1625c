// SPDX-License-Identifier: Apache-2.0
// The vCPUs of one guest: how each is set up, and a thread for each, which goes round in a loop: through the
// gate, into the guest, what it came out for.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "vmm/boot/image.hpp"
#include "vmm/devices/console.hpp"
#include "vmm/kvm/kvm.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vcpu_state.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/exits.hpp"
#include "vmm/machine/guest_end.hpp"
#include "vmm/machine/vcpu_figures.hpp"
#include "vmm/machine/vcpu_gate.hpp"

namespace samepage::vmm {

class Vcpus {
 public:
  /// What the threads work with; all, and the KVM, outlives them.
  struct Links {
    VcpuGate& gate;
    const ExitScene& scene;  // what exits lead to
    Console& console;        // what the guest printed is handed on outside of the gate
    GuestEnd& ending;        // hears of exits that end the guest, and of each thread's end
  };

  /// `count` vCPUs of a VM that is complete but for them.
  Vcpus(const Kvm& kvm, const Vm& vm, unsigned count, Links links);
  /// join().
  ~Vcpus();
  Vcpus(const Vcpus&) = delete;
  Vcpus& operator=(const Vcpus&) = delete;

  // One of the two, before start():
  /// The first starts at the image's entry; the others wait in the kernel for its INIT and SIPI.
  void start_at(const Image& image);
  /// Each goes on from a state; also later, while the guest is held. Throws UserError that names the vCPU and
  /// what can't be as it was.
  void restore(std::span<const VcpuState> states, std::uint64_t tsc_shift, ReadBack read_back);
  /// While the guest is held.
  [[nodiscard]] std::vector<VcpuState> save() const;

  [[nodiscard]] unsigned count() const { return static_cast<unsigned>(vcpus_.size()); }
  /// Of each, once they have been started.
  [[nodiscard]] std::vector<VcpuFigures> figures() const;
  /// Starts the threads; once.
  void start();
  /// Waits for the threads' end; the gate must have been closed for good.
  void join();

 private:
  void run(unsigned index);
  [[nodiscard]] std::optional<GuestExit> visit(unsigned index);
  [[nodiscard]] std::vector<kvm_cpuid_entry2> cpuid_of(unsigned index) const;

  const Kvm& kvm_;
  Links links_;
  std::vector<Vcpu> vcpus_;
  std::unique_ptr<std::atomic<int>[]> tids_;  // 0: not running yet
  std::vector<std::thread> threads_;
};

}  // namespace samepage::vmm
