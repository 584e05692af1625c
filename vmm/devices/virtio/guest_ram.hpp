// SPDX-License-Identifier: Apache-2.0
// Guest memory as virtio devices see it: who owns it and how it is mapped is not their affair. What lies
// there may change at any moment, so each byte is copied out once, checked, and the copy is used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "base/types.hpp"

namespace samepage::vmm {

/// Only to be touched inside the DeviceGate.
class GuestRam {
 public:
  virtual ~GuestRam() = default;
  /// The bytes [address, address + size); empty when not all of them are RAM of one range.
  [[nodiscard]] virtual std::optional<std::span<std::byte>> at(Gpa address, std::uint64_t size) const = 0;
};

/// Copies a T out of guest memory, reading each byte once.
template <typename T>
[[nodiscard]] T copy_out(const std::byte* guest) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, guest, sizeof(T));
  // The compiler may not read the guest's memory again in place of the copy.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return value;
}

/// A 16-bit field that guest and device use at the same time; `guest` is aligned for it.
[[nodiscard]] inline std::atomic_ref<std::uint16_t> guest_field(std::byte* guest) {
  // SAFETY: inside guest memory, aligned as checked when the queue was set up, and only used atomically.
  return std::atomic_ref<std::uint16_t>(*reinterpret_cast<std::uint16_t*>(guest));
}

}  // namespace samepage::vmm
