// SPDX-License-Identifier: Apache-2.0
// One guest: its VM, its boards of devices and its vCPUs, in the order of life. It stands on a chassis
// (memory and gate) and uses whoever merges the memory; both are there before it and go after it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/image_placer.hpp"
#include "dedup/agent/memory_region.hpp"
#include "vmm/devices/console_port.hpp"
#include "vmm/devices/virtio/balloon.hpp"
#include "vmm/devices/virtio/device_figures.hpp"
#include "vmm/machine/chassis.hpp"
#include "vmm/machine/guest_exit.hpp"
#include "vmm/machine/guest_files.hpp"
#include "vmm/machine/guest_image.hpp"
#include "vmm/machine/machine_config.hpp"
#include "vmm/machine/machine_state.hpp"
#include "vmm/machine/vcpu_figures.hpp"

namespace samepage::vmm {

/// Called on a thread of the guest with what it printed.
using ConsoleSink = std::function<void(std::string_view)>;

/// Whom a machine uses; each may be left out. What they refer to must outlive the machine.
struct MachineLinks {
  /// Takes what the guest prints, in lines; may wait for its reader.
  ConsoleSink print = {};
  /// Called when the machine goes: from now on `print` waits for nobody, so that the guest's threads end.
  std::function<void()> abandon_output = {};
  /// Takes what the guest prints at once and not in lines. Must neither block nor call the machine.
  ConsoleSink watch = {};
  /// Called when receive(), which took less than there was, takes more. The same.
  std::function<void()> on_room = {};
  /// Puts whole pages of the image into memory. Null: they are copied.
  dedup::ImagePlacer* placer = nullptr;
  /// Gives back pages that the guest does not need. Empty: the kernel gets them at once.
  DiscardPages discard = {};
};

/// A guest that is complete when constructed: image loaded or state restored, vCPUs ready to run.
class Machine {
 public:
  /// Throws UserError for ROMs and devices that can't be used and for an image that was cut short since it
  /// was opened; std::system_error where the host fails.
  Machine(const MachineConfig& config, const GuestImage& image, Chassis& chassis, MachineLinks links = {});
  /// A guest that goes on from a state. The chassis's memory is a copy of what it was when the state was
  /// saved; `config` names the same devices, and the image is not looked at. Throws UserError that names what
  /// can't be as it was.
  Machine(const MachineConfig& config, const MachineState& state, Chassis& chassis, MachineLinks links = {});
  /// Ends the guest and waits for its threads.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// The console's sink gets lines that are not complete as well; only before start().
  void show_prompts();
  /// Starts the vCPUs' and devices' threads; once.
  void start();
  /// Blocks until the guest has ended, however it did.
  GuestExit wait();
  /// A descriptor that becomes readable when the guest has ended, its devices' work and all it printed with
  /// it; owned by the machine.
  [[nodiscard]] int ended_fd() const;
  /// Ends the guest at the next opportunity. Any thread.
  void request_stop();

  /// The same because the host has failed it.
  void fail(const std::string& reason);

  /// All but memory, which is of the same moment for as long as `held` lives. `held` is of this machine's
  /// gate. Throws UserError for a guest that has ended, and one that names what KVM can't read.
  [[nodiscard]] MachineState save(const AllHeld& held);

  /// Goes on from `state`, which is one that a machine of this configuration was in, instead of from where it
  /// is: what was under way is void. The chassis's memory is what it was then. Throws UserError, and then the
  /// machine is of no use.
  void roll_back(const AllHeld& held, const MachineState& state);

  /// False for a port that the guest was not given.
  [[nodiscard]] bool has_console(ConsolePort port) const;
  /// Input for the guest; returns how many bytes it took (Uart16550::receive, VirtioConsole::type), all where
  /// it has no such port. Any thread.
  std::size_t receive(std::span<const std::byte> input, ConsolePort port = ConsolePort::com1);
  /// What the guest says of its memory; empty without a balloon. Waits a moment for the guest's answer.
  [[nodiscard]] std::optional<BalloonFigures> balloon() const;
  /// Asks the guest to give up that much memory. False without a balloon.
  [[nodiscard]] bool set_balloon(std::uint64_t bytes);

  /// Of each vCPU, once it has been started.
  [[nodiscard]] std::vector<VcpuFigures> vcpu_figures() const;
  [[nodiscard]] DeviceFigures device_figures() const;
  /// What the guest has written to them is neither in its state nor in its RAM.
  [[nodiscard]] GuestFiles files() const;

  /// What holds the guest: the user's pause, the write barrier.
  [[nodiscard]] GuestGate& gate() const;
  /// The guest's RAM, ROMs left out; valid for the chassis's life.
  [[nodiscard]] const std::vector<dedup::MemoryRegion>& ram() const;
  /// Guest physical ranges of the ROMs.
  [[nodiscard]] std::vector<GfnRange> rom_ranges() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace samepage::vmm
