// SPDX-License-Identifier: Apache-2.0
// One guest: its memory, its VM, its devices and its vCPUs, in the order of life. It is the write barrier
// that the merging agent holds the guest with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/image_placer.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/write_barrier.hpp"
#include "vmm/devices/console_port.hpp"
#include "vmm/devices/virtio/balloon.hpp"
#include "vmm/machine/guest_exit.hpp"
#include "vmm/machine/machine_config.hpp"

namespace samepage::vmm {

/// Called on a vCPU's thread with what the guest printed.
using ConsoleSink = std::function<void(std::string_view)>;

/// Whether a machine's memory holds the image as soon as the machine is made.
enum class ImageLoading : std::uint8_t { at_once, later };

/// A guest that is complete when constructed: memory reserved, image loaded, vCPUs ready to run.
class Machine final : public dedup::WriteBarrier {
 public:
  /// With ImageLoading::later the image is opened and checked, and load() has to be called before start().
  /// Throws UserError for a bad image, memory size, vCPU count or ROM and where /dev/kvm can't be used;
  /// std::system_error where the host fails.
  Machine(const MachineConfig& config, ConsoleSink console, ImageLoading loading = ImageLoading::at_once);
  /// Ends the vCPUs and waits for their threads.
  ~Machine() override;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Puts the image into memory, its whole pages through `placer` where that is not null; once. Throws
  /// UserError when a file of it was cut short since it was opened.
  void load(dedup::ImagePlacer* placer);
  /// Starts the vCPUs' threads; once.
  void start();
  /// Blocks until the guest has ended, however it did.
  GuestExit wait();
  /// A descriptor that becomes readable when the guest has ended, its devices' work and all it printed with
  /// it; owned by the machine.
  [[nodiscard]] int ended_fd() const;
  /// Ends the guest at the next opportunity. Any thread.
  void request_stop();
  /// False for a port that the guest was not given.
  [[nodiscard]] bool has_console(ConsolePort port) const;
  /// Input for the guest; returns how many bytes it took (Uart16550::receive, VirtioConsole::type), all where
  /// it has no such port. Any thread.
  std::size_t receive(std::span<const std::byte> input, ConsolePort port = ConsolePort::com1);
  /// The console's sink gets lines that are not complete as well; only before start().
  void show_prompts();
  /// `output` is called with what the guest prints, at once and not in lines; `room` when receive(), which
  /// took less than there was, takes more. Both on threads of the guest; they must neither block nor call the
  /// machine. Only before start().
  void watch_console(ConsoleSink output, const std::function<void()>& room);

  /// Holds the vCPUs until unpause(): the user's pause, independent of the write barrier. Any thread.
  void pause();
  void unpause();
  [[nodiscard]] bool paused() const;

  // WriteBarrier: no vCPU is in KVM_RUN and no device in guest memory between the two. One thread at a time.
  void hold() override;
  void release() override;

  /// Who gives back pages that the guest does not need (dedup::Agent::discard); only before start().
  void give_back_with(DiscardPages discard);
  /// Ends the guest, and the devices' thread for good: nobody calls what give_back_with() was given any more.
  void stop_devices();
  /// What the guest says of its memory; empty without a balloon. Waits a moment for the guest's answer.
  [[nodiscard]] std::optional<BalloonFigures> balloon() const;
  /// Asks the guest to give up that much memory. False without a balloon.
  [[nodiscard]] bool set_balloon(std::uint64_t bytes);

  /// The guest's RAM, ROMs left out; valid for the machine's life.
  [[nodiscard]] const std::vector<dedup::MemoryRegion>& ram() const;
  /// Guest physical ranges of the ROMs.
  [[nodiscard]] std::vector<GfnRange> rom_ranges() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace samepage::vmm
