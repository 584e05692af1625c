// SPDX-License-Identifier: Apache-2.0
// A split virtqueue (virtio 1.2, 2.7) as the device reads it: safe against any bytes that a guest puts there.
//
//   descriptor area  16 bytes each: address, length, flags, next          written by the driver
//   driver area      flags, idx, ring[size] of heads, used_event          written by the driver
//   device area      flags, idx, ring[size] of (head, bytes), avail_event written by the device
//
// Every field of the guest's is read once and the copy is used. A chain can't be longer than the queue, which
// also ends chains that loop. Buffers that overlap each other or the rings are no fault (a guest's program
// may ask for that): they are written one after the other, and nothing is trusted that was written there.
//
// Not for several threads, and only inside the DeviceGate.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "vmm/devices/virtio/guest_ram.hpp"

namespace samepage::vmm {

/// What is wrong with a queue; the device then needs a reset.
enum class QueueFault : std::uint8_t {
  bad_size,
  bad_address,       // of one of the three areas: not aligned, not in RAM, or on another area
  index_runs_ahead,  // more chains are offered than the queue has descriptors
  bad_head,
  bad_next,
  too_long,  // a chain with more descriptors than the queue, such as one that loops
  bad_indirect,
  buffer_outside_ram,
  readable_after_writable,
  too_many_bytes,  // 4 GiB in one chain
};
[[nodiscard]] std::string_view describe(QueueFault fault);

/// Where a driver has put a queue.
struct QueuePlace {
  std::uint16_t size = 0;
  Gpa descriptors;
  Gpa driver;
  Gpa device;

  bool operator==(const QueuePlace&) const = default;
};

/// How far a queue is. A chain that was taken and not given back counts as offered: whoever goes on from
/// here takes it once more, so requests must do no harm when they are carried out twice.
struct QueueProgress {
  std::uint16_t answered = 0;  // chains given back so far, modulo 2^16
  std::uint16_t told = 0;      // of which the driver was told, or did not want to be

  bool operator==(const QueueProgress&) const = default;
};

struct QueueFeatures {
  bool indirect = false;
  bool event_index = false;
};

/// One piece of guest memory; checked to be in RAM, and to be looked up again at each use.
struct GuestBuffer {
  Gpa address;
  std::uint32_t length = 0;
};

/// One request of the driver: what the device may read, then what it may write.
struct Chain {
  std::uint16_t head = 0;
  unsigned queue = 0;       // that it was taken from
  std::uint64_t epoch = 0;  // of that queue: the chain is void once the driver has reset or stopped it
  std::vector<GuestBuffer> readable;
  std::vector<GuestBuffer> writable;
  std::uint64_t readable_bytes = 0;  // sums of the lengths
  std::uint64_t writable_bytes = 0;
};

class Virtqueue {
 public:
  static constexpr std::uint16_t max_size = 1024;

  /// What is wrong with the place, if anything.
  [[nodiscard]] static std::optional<QueueFault> check(const QueuePlace& place, const GuestRam& ram);

  /// `place` has been checked.
  Virtqueue(const QueuePlace& place, QueueFeatures features, QueueProgress progress = {})
      : place_(place),
        features_(features),
        next_offered_(progress.answered),
        next_finished_(progress.answered),
        told_(progress.told) {}

  [[nodiscard]] QueueProgress progress() const { return {next_finished_, told_}; }

  enum class Taken : std::uint8_t { none, chain, fault };
  /// Takes the next chain the driver offers into `chain`. With none, the driver will notify of the next one.
  [[nodiscard]] Taken take(const GuestRam& ram, Chain& chain);
  /// Gives a chain back to the driver; `written` bytes of its writable part are new.
  void finish(const GuestRam& ram, std::uint16_t head, std::uint32_t written);
  /// Whether the driver wants an interrupt for what was finished since the last call.
  [[nodiscard]] bool wants_interrupt(const GuestRam& ram);

  /// Of the last take() that said fault.
  [[nodiscard]] QueueFault fault() const { return fault_; }

 private:
  struct Descriptor;
  [[nodiscard]] Taken fail(QueueFault fault);
  [[nodiscard]] Taken walk(const GuestRam& ram, std::span<const std::byte> table, std::uint16_t first,
                           unsigned& budget, Chain& chain, bool nested);
  [[nodiscard]] std::optional<QueueFault> add_buffer(const GuestRam& ram, const Descriptor& descriptor,
                                                     Chain& chain) const;
  [[nodiscard]] bool is_offered(const GuestRam& ram, std::uint16_t& offered) const;

  QueuePlace place_;
  QueueFeatures features_;
  std::uint16_t next_offered_;   // chains taken so far, modulo 2^16
  std::uint16_t next_finished_;  // chains given back so far
  std::uint16_t told_;           // next_finished_ when wants_interrupt() was asked last
  QueueFault fault_ = QueueFault::bad_size;
};

}  // namespace samepage::vmm
