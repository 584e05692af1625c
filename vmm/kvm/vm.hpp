// SPDX-License-Identifier: Apache-2.0
// One VM's descriptor: its interrupt controllers, memslots and vCPUs. Used by the thread that builds the
// machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "vmm/kvm/kvm.hpp"
#include "vmm/kvm/memslot.hpp"

namespace samepage::vmm {

enum class SlotAccess : std::uint8_t { read_write, read_only };

class Vm {
 public:
  /// A VM without memory, interrupt controllers and vCPUs, to be added in that order.
  explicit Vm(const Kvm& kvm);

  /// Shows `memory` (page-aligned, which must outlive the slot) to the guest at `address`.
  [[nodiscard]] Memslot map(Gpa address, std::span<const std::byte> memory, SlotAccess access);
  /// LAPICs, IOAPIC and PICs in the kernel. After the memory: a memslot that comes later waits for the
  /// kernel's readers of its table of devices, which takes several milliseconds.
  void add_interrupt_controllers() const;
  /// The guest's 4-byte writes to `address` only make the eventfd `event` readable, without an exit.
  void add_ioeventfd(int event, Gpa address) const;
  /// Each write to the eventfd `event` is a pulse on the interrupt line `gsi`.
  void add_irqfd(int event, std::uint32_t gsi) const;
  /// A PC's interval timer (i8254), in the kernel; before the first vCPU.
  void add_interval_timer() const;
  /// Sets the level of an interrupt controller's input. Any thread.
  void set_interrupt_line(std::uint32_t gsi, bool up) const;
  /// The descriptor of vCPU `id`.
  [[nodiscard]] UniqueFd create_vcpu(unsigned id) const;
  /// For save() and restore() (vm_state.hpp).
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::uint32_t slots_ = 0;  // numbers given out so far
};

}  // namespace samepage::vmm
