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
#include "vmm/devices/device_gate.hpp"
#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/virtio/balloon.hpp"
#include "vmm/devices/virtio/device_config.hpp"
#include "vmm/devices/virtio/device_thread.hpp"
#include "vmm/devices/virtio/pmem.hpp"
#include "vmm/devices/virtio/virtio_console.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/device_ram.hpp"

namespace samepage::vmm {

/// Where a guest finds a device; for the tables that tell it.
struct VirtioPlace {
  Gpa address;
  std::uint64_t bytes = 0;
  std::uint32_t gsi = 0;
};

class VirtioBoard {
 public:
  /// Opens what is behind the devices. Throws UserError where that can't be used. The memory must outlive it;
  /// `output` takes what a virtio console prints, on a thread of its own: it may wait for whoever reads.
  VirtioBoard(const DeviceConfig& config, const GuestMemory& memory, std::span<const GfnRange> roms,
              std::function<void(std::string_view)> output);
  /// Ends the devices' threads.
  ~VirtioBoard();
  VirtioBoard(const VirtioBoard&) = delete;
  VirtioBoard& operator=(const VirtioBoard&) = delete;

  /// Shows the devices to the guest, first their memory, which `slots` get; each once, before start().
  void map_memory(Vm& vm, MmioBus& bus, std::vector<Memslot>& slots);
  void plug_in(const Vm& vm, MmioBus& bus);
  [[nodiscard]] const std::vector<VirtioPlace>& places() const { return places_; }

  /// Who gives back the pages that a balloon takes; only before start(). Else the kernel does it right away.
  void give_back_with(DiscardPages discard) { discard_ = std::move(discard); }
  /// Null where the guest has none.
  [[nodiscard]] Balloon* balloon() const { return balloon_; }
  [[nodiscard]] VirtioConsole* console() const { return console_; }

  /// How many threads start() makes: none without devices.
  [[nodiscard]] unsigned threads() const;
  /// `ended` is called on each of them.
  void start(const DeviceThread::Ended& ended);
  /// Ends the threads when they have done what they are at, which may be to wait for whoever reads a console;
  /// does not wait. The gate is closed for good. Any thread.
  void request_stop();
  /// Ends them and waits for them. The gate is closed for good.
  void stop();

  /// What holds the devices still.
  [[nodiscard]] DeviceGate& gate() { return gate_; }

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
  DeviceGate gate_;
  DiscardPages discard_;
  std::vector<std::unique_ptr<PmemRegion>> pmems_;
  Balloon* balloon_ = nullptr;
  VirtioConsole* console_ = nullptr;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<VirtioPlace> places_;
  DeviceThread thread_;          // of all devices but
  DeviceThread console_thread_;  // which holds up no other device while nobody reads what it prints
};

}  // namespace samepage::vmm
