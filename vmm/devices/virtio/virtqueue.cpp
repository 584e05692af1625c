// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/virtqueue.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace samepage::vmm {
namespace {

// virtio 1.2, 2.7.5, 2.7.6, 2.7.8
constexpr std::uint16_t flag_next = 1;
constexpr std::uint16_t flag_writable = 2;
constexpr std::uint16_t flag_indirect = 4;
constexpr std::uint16_t no_interrupt = 1;
constexpr std::uint64_t index_at = 2;
constexpr std::uint64_t ring_at = 4;
constexpr std::uint64_t descriptor_bytes = 16;
constexpr std::uint64_t used_element_bytes = 8;

std::uint64_t driver_bytes(std::uint16_t size) {
  return ring_at + 2 * std::uint64_t{size} + 2;
}
std::uint64_t device_bytes(std::uint16_t size) {
  return ring_at + used_element_bytes * size + 2;
}

}  // namespace

struct Virtqueue::Descriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t flags;
  std::uint16_t next;
};

std::string_view describe(QueueFault fault) {
  switch (fault) {
    case QueueFault::bad_size:
      return "a queue's size is no power of two within the maximum";
    case QueueFault::bad_address:
      return "a queue's area is not aligned, outside RAM or on another area of it";
    case QueueFault::index_runs_ahead:
      return "more chains are offered than the queue has descriptors";
    case QueueFault::bad_head:
      return "the head of a chain is beyond the queue";
    case QueueFault::bad_next:
      return "a chain goes on beyond its table";
    case QueueFault::too_long:
      return "a chain is longer than its queue, or loops";
    case QueueFault::bad_indirect:
      return "an indirect table was not negotiated, is empty, nested, continued or outside RAM";
    case QueueFault::buffer_outside_ram:
      return "a buffer is outside RAM";
    case QueueFault::readable_after_writable:
      return "a readable buffer follows a writable one";
    case QueueFault::too_many_bytes:
      return "a chain has 4 GiB or more";
  }
  return "an unknown fault";
}

std::optional<QueueFault> Virtqueue::check(const QueuePlace& place, const GuestRam& ram) {
  if (place.size > max_size || !std::has_single_bit(place.size)) return QueueFault::bad_size;
  struct Area {
    std::uint64_t start, bytes, alignment;
  };
  const std::array<Area, 3> areas{{{place.descriptors.value, descriptor_bytes * place.size, 16},
                                   {place.driver.value, driver_bytes(place.size), 2},
                                   {place.device.value, device_bytes(place.size), 4}}};
  for (const Area& area : areas) {
    if (area.start % area.alignment != 0 || !ram.at(Gpa{area.start}, area.bytes)) {
      return QueueFault::bad_address;
    }
    for (const Area& other : areas) {
      if (&other == &area) continue;
      if (area.start < other.start + other.bytes && other.start < area.start + area.bytes) {
        return QueueFault::bad_address;
      }
    }
  }
  return std::nullopt;
}

Virtqueue::Taken Virtqueue::fail(QueueFault fault) {
  fault_ = fault;
  return Taken::fault;
}

// Reads the driver's index. An acquire: what it says of the ring and the descriptors is there.
bool Virtqueue::is_offered(const GuestRam& ram, std::uint16_t& offered) const {
  const auto driver = *ram.at(place_.driver, driver_bytes(place_.size));
  offered = guest_field(driver.data() + index_at).load(std::memory_order_acquire);
  return offered != next_offered_;
}

Virtqueue::Taken Virtqueue::take(const GuestRam& ram, Chain& chain) {
  std::uint16_t offered = 0;
  if (!is_offered(ram, offered)) {
    if (!features_.event_index) return Taken::none;
    // Ask for a notification of the next chain, then look again: the driver may have looked just before.
    const auto device = *ram.at(place_.device, device_bytes(place_.size));
    guest_field(device.data() + device.size() - 2).store(next_offered_, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!is_offered(ram, offered)) return Taken::none;
  }
  if (static_cast<std::uint16_t>(offered - next_offered_) > place_.size) {
    return fail(QueueFault::index_runs_ahead);
  }
  const auto driver = *ram.at(place_.driver, driver_bytes(place_.size));
  const std::uint64_t slot = ring_at + 2 * std::uint64_t{next_offered_} % (2 * std::uint64_t{place_.size});
  const std::uint16_t head = guest_field(driver.data() + slot).load(std::memory_order_relaxed);
  if (head >= place_.size) return fail(QueueFault::bad_head);
  ++next_offered_;
  chain.head = head;
  chain.readable.clear();
  chain.writable.clear();
  chain.readable_bytes = chain.writable_bytes = 0;
  unsigned budget = place_.size;
  const auto table = *ram.at(place_.descriptors, descriptor_bytes * place_.size);
  return walk(ram, table, head, budget, chain, false);
}

// Follows the descriptors of one table. `budget` is how many more the chain may have, both tables together.
Virtqueue::Taken Virtqueue::walk(const GuestRam& ram, std::span<const std::byte> table, std::uint16_t first,
                                 unsigned& budget, Chain& chain, bool nested) {
  std::uint64_t number = first;
  for (;;) {
    if (number >= table.size() / descriptor_bytes) return fail(QueueFault::bad_next);
    if (budget-- == 0) return fail(QueueFault::too_long);
    const auto descriptor = copy_out<Descriptor>(table.data() + number * descriptor_bytes);
    if ((descriptor.flags & flag_indirect) != 0) {
      const bool fine = features_.indirect && !nested && (descriptor.flags & flag_next) == 0 &&
                        descriptor.length != 0 && descriptor.length % descriptor_bytes == 0;
      const auto inner = fine ? ram.at(Gpa{descriptor.address}, descriptor.length) : std::nullopt;
      if (!inner) return fail(QueueFault::bad_indirect);
      ++budget;  // the descriptor of the table itself is no buffer
      return walk(ram, *inner, 0, budget, chain, true);
    }
    if (const auto fault = add_buffer(ram, descriptor, chain)) return fail(*fault);
    if ((descriptor.flags & flag_next) == 0) return Taken::chain;
    number = descriptor.next;
  }
}

std::optional<QueueFault> Virtqueue::add_buffer(const GuestRam& ram, const Descriptor& descriptor,
                                                Chain& chain) const {
  const bool writable = (descriptor.flags & flag_writable) != 0;
  if (!writable && !chain.writable.empty()) return QueueFault::readable_after_writable;
  if (!ram.at(Gpa{descriptor.address}, descriptor.length)) return QueueFault::buffer_outside_ram;
  (writable ? chain.writable : chain.readable).push_back({Gpa{descriptor.address}, descriptor.length});
  (writable ? chain.writable_bytes : chain.readable_bytes) += descriptor.length;
  if (chain.readable_bytes + chain.writable_bytes > std::numeric_limits<std::uint32_t>::max()) {
    return QueueFault::too_many_bytes;
  }
  return std::nullopt;
}

void Virtqueue::finish(const GuestRam& ram, std::uint16_t head, std::uint32_t written) {
  const auto device = *ram.at(place_.device, device_bytes(place_.size));
  const std::uint64_t slot =
      ring_at + used_element_bytes * (std::uint64_t{next_finished_} % std::uint64_t{place_.size});
  const std::array<std::uint32_t, 2> element{head, written};
  std::memcpy(device.data() + slot, element.data(), sizeof(element));
  ++next_finished_;
  guest_field(device.data() + index_at).store(next_finished_, std::memory_order_release);
}

bool Virtqueue::wants_interrupt(const GuestRam& ram) {
  const std::uint16_t before = std::exchange(told_, next_finished_);
  if (before == next_finished_) return false;
  // The driver writes its wish, then looks at the index; we wrote the index and now look at the wish.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto driver = *ram.at(place_.driver, driver_bytes(place_.size));
  if (!features_.event_index) {
    return (guest_field(driver.data()).load(std::memory_order_relaxed) & no_interrupt) == 0;
  }
  const std::uint16_t wish = guest_field(driver.data() + driver.size() - 2).load(std::memory_order_relaxed);
  const auto finished = static_cast<std::uint16_t>(next_finished_ - before);
  return static_cast<std::uint16_t>(next_finished_ - wish - 1) < finished;
}

}  // namespace samepage::vmm
