// SPDX-License-Identifier: Apache-2.0
// What a virtio device's two sides share: the registers (vCPU threads, through the transport) and the device
// itself (the devices' thread): status, negotiated features, queues, interrupt causes.
//
// The device reaches guest memory only through the functions here. Each of them is one visit: through the
// DeviceGate, then under the lock that a reset takes too, then a copy. So after a driver has written 0 to the
// status register, or to a queue's ready register, no byte of its memory is touched any more, and a chain
// taken before is void. A register
// access takes the lock without passing the gate, and whoever holds the lock waits for nothing: so a vCPU
// never waits for the write barrier that waits for that vCPU.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/devices/device_gate.hpp"
#include "vmm/devices/virtio/guest_ram.hpp"
#include "vmm/devices/virtio/virtqueue.hpp"

namespace samepage::vmm {

/// Features of every device here (virtio 1.2, 6).
inline constexpr std::uint64_t feature_indirect = std::uint64_t{1} << 28U;
inline constexpr std::uint64_t feature_event_index = std::uint64_t{1} << 29U;
inline constexpr std::uint64_t feature_version_1 = std::uint64_t{1} << 32U;

/// A queue as its driver has set it up, and how far it is.
struct QueueState {
  QueuePlace place;
  bool ready = false;
  QueueProgress progress;  // while it is ready

  bool operator==(const QueueState&) const = default;
};

/// What the two sides of a device share, as a plain value.
struct VirtioRegisters {
  std::uint32_t status = 0;
  std::uint64_t accepted_features = 0;
  std::uint32_t interrupt_causes = 0;
  std::uint32_t configuration_generation = 0;
  std::vector<QueueState> queues;

  bool operator==(const VirtioRegisters&) const = default;
};

class VirtioState {
 public:
  /// Device status bits (virtio 1.2, 2.1).
  enum Status : std::uint32_t {
    acknowledge = 1,
    driver = 2,
    driver_ok = 4,
    features_ok = 8,
    needs_reset = 64,
    failed = 128,
  };
  /// Interrupt causes (virtio 1.2, 4.2.2).
  enum Cause : std::uint32_t { used_buffer = 1, configuration_change = 2 };

  /// `raise` signals the interrupt and must not block. All must outlive this.
  VirtioState(const GuestRam& ram, DeviceGate& gate, std::function<void()> raise, std::uint64_t features,
              std::span<const std::uint16_t> queue_sizes);

  // --- For the registers ---------------------------------------------------------------------------------
  [[nodiscard]] std::uint64_t offered_features() const { return offered_; }
  [[nodiscard]] std::uint32_t status() const;
  /// What the driver may set; 0 is a reset. True when this was the step to driver_ok.
  bool set_status(std::uint32_t status);
  /// Ignored once features_ok is set.
  void set_features_half(unsigned half, std::uint32_t bits);
  [[nodiscard]] unsigned queues() const { return static_cast<unsigned>(queues_.size()); }
  [[nodiscard]] std::uint16_t max_size(unsigned queue) const { return queues_[queue].max_size; }
  /// Changes the place of a queue that is not ready; ignored otherwise.
  void edit_place(unsigned queue, const std::function<void(QueuePlace&)>& edit);
  void set_ready(unsigned queue, bool ready);
  [[nodiscard]] bool ready(unsigned queue) const;
  [[nodiscard]] std::uint32_t interrupt_causes() const;
  void acknowledge_interrupt(std::uint32_t causes);
  [[nodiscard]] std::uint32_t configuration_generation() const;

  // --- For the device -------------------------------------------------------------------------------------
  /// The driver has accepted it and the device may work.
  [[nodiscard]] bool negotiated(std::uint64_t feature) const;
  [[nodiscard]] bool running() const;
  /// Takes the next chain of a queue. False: there is none, or the queue is not to be used now.
  [[nodiscard]] bool take(unsigned queue, Chain& chain);
  /// Copies from the readable part, from `offset` on. False when the chain is void or shorter.
  [[nodiscard]] bool copy_from(const Chain& chain, std::uint64_t offset, std::span<std::byte> to);
  /// Copies to the writable part.
  [[nodiscard]] bool copy_to(const Chain& chain, std::uint64_t offset, std::span<const std::byte> from);
  /// Gives the chain back, if it is not void, and interrupts the driver if it wants that. `along` is done in
  /// the same visit, if the chain is not void: whoever holds the devices sees both done or neither. It may
  /// take the device's lock, which therefore is never held while a function of this is called.
  void finish(const Chain& chain, std::uint64_t written, const std::function<void()>& along = {});
  /// The device-specific configuration has changed. Any thread.
  void configuration_changed();
  /// The driver broke the rules of this device: nothing works until it resets it.
  void fail();

  // --- For whoever holds the guest ------------------------------------------------------------------------
  [[nodiscard]] VirtioRegisters save() const;
  /// Of a device of the same kind, over a copy of the memory. Empty, or what is wrong with the value: then
  /// nothing has changed.
  [[nodiscard]] std::optional<std::string_view> restore(const VirtioRegisters& registers);
  /// Interrupts the driver once more for all that it has not acknowledged: an interrupt that was on its way
  /// when the registers were saved is in no state.
  void repeat_interrupt();

 private:
  struct Queue {
    std::uint16_t max_size = 0;
    QueuePlace place;
    std::optional<Virtqueue> ring;  // while it is ready
    std::uint64_t epoch = 0;        // of this ring: no two rings of a device have the same
  };
  class Visit;

  void reset();
  void fail_locked();
  void interrupt(Cause cause);
  [[nodiscard]] std::optional<std::string_view> fault_of(const VirtioRegisters& registers) const;
  [[nodiscard]] QueueFeatures queue_features() const;   // with mutex_ held
  [[nodiscard]] bool works() const;                     // with mutex_ held
  [[nodiscard]] bool stands(const Chain& chain) const;  // likewise: nobody has stopped its queue meanwhile

  const GuestRam& ram_;
  DeviceGate& gate_;
  std::function<void()> raise_;
  const std::uint64_t offered_;
  mutable std::mutex mutex_;  // never held while anything is waited for
  std::uint32_t status_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint32_t causes_ = 0;
  std::uint32_t generation_ = 0;  // of the configuration
  std::uint64_t epochs_ = 0;      // rings that were made so far
  std::vector<Queue> queues_;
};

}  // namespace samepage::vmm
