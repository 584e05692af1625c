// SPDX-License-Identifier: Apache-2.0
// All virtio devices of one guest and what they are plugged into: a window of guest physical addresses and an
// interrupt for each, notifications by ioeventfd, interrupts by irqfd, one thread for the work of all but the
// console. Built by the machine's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/event_fd.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "vmm/boot/acpi.hpp"
#include "vmm/devices/device_gate.hpp"
#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/virtio/balloon.hpp"
#include "vmm/devices/virtio/block.hpp"
#include "vmm/devices/virtio/device_config.hpp"
#include "vmm/devices/virtio/device_figures.hpp"
#include "vmm/devices/virtio/device_thread.hpp"
#include "vmm/devices/virtio/net.hpp"
#include "vmm/devices/virtio/pmem.hpp"
#include "vmm/devices/virtio/virtio_console.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/device_ram.hpp"
#include "vmm/machine/guest_files.hpp"
#include "vmm/machine/machine_state.hpp"

namespace samepage::vmm {

class VirtioBoard {
 public:
  /// What a board is connected to. All must outlive it.
  struct Links {
    const GuestMemory& memory;
    DeviceGate& gate;
    /// Takes what a virtio console prints, on a thread of its own: it may wait for the reader.
    std::function<void(std::string_view)> output;
    /// Gives back the pages that a balloon takes. Empty: the kernel gets them at once.
    DiscardPages discard;
  };

  /// Opens what is behind the devices. Throws UserError where that can't be used.
  VirtioBoard(const DeviceConfig& config, std::span<const GfnRange> roms, Links links);
  /// Ends the devices' threads: stop().
  ~VirtioBoard();
  VirtioBoard(const VirtioBoard&) = delete;
  VirtioBoard& operator=(const VirtioBoard&) = delete;

  /// Shows the devices to the guest, first their memory, which `slots` get; each once, before start().
  void map_memory(Vm& vm, MmioBus& bus, std::vector<Memslot>& slots);
  void plug_in(const Vm& vm, MmioBus& bus);
  /// Where the guest finds them; for the tables that tell it.
  [[nodiscard]] const std::vector<AcpiVirtioDevice>& places() const { return places_; }

  /// Null where the guest has none.
  [[nodiscard]] Balloon* balloon() const { return balloon_; }
  [[nodiscard]] VirtioConsole* console() const { return console_; }

  /// Any thread.
  [[nodiscard]] DeviceFigures figures() const;
  [[nodiscard]] GuestFiles files() const;
  /// While the guest is held, in the order of the configuration.
  [[nodiscard]] std::vector<VirtioSlotState> save() const;
  /// Before start(), or while the guest is held: over a copy of the memory. Chains that were taken are void
  /// then. Throws UserError that names the device that the state is not one of.
  void restore(std::span<const VirtioSlotState> states);

  /// How many threads start() makes: none without devices.
  [[nodiscard]] unsigned threads() const;
  /// After restore(): notifications and interrupts that were on their way when a state was saved are not in
  /// it. Each device looks for work, and interrupts for what was not acknowledged.
  void look_for_work();
  /// `ended` is called on each of them. They look for work at once.
  void start(const DeviceThread::Ended& ended);
  /// Ends the threads when they have done what they are at, which may be to wait for the reader of a console;
  /// does not wait. The gate must have been closed for good. Any thread.
  void request_stop();
  /// Ends them and waits for them. The gate must have been closed for good.
  void stop();

 private:
  struct Slot;

  void add(std::unique_ptr<VirtioDevice> device, UniqueFd notified = make_event());
  void add_pmem(const PmemConfig& config, const GuestMemory& memory, std::span<const GfnRange> roms);
  void add_balloon();
  void add_console(std::function<void(std::string_view)> output);

  /// A host file that the guest sees as memory.
  struct PmemRegion {
    PmemFile file;
    Gpa address;
    Pmem* device = nullptr;

    [[nodiscard]] Gpa end() const { return address + file.bytes().size(); }
  };

  DeviceRam ram_;
  DeviceGate& gate_;
  DiscardPages discard_;
  std::vector<std::unique_ptr<PmemRegion>> pmems_;
  std::vector<const Block*> disks_;
  std::vector<const Net*> nets_;
  Balloon* balloon_ = nullptr;
  VirtioConsole* console_ = nullptr;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<AcpiVirtioDevice> places_;
  DeviceThread thread_;          // of all devices but
  DeviceThread console_thread_;  // which holds up no other device while nobody reads what it prints
};

}  // namespace samepage::vmm
