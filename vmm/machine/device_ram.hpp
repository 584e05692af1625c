// SPDX-License-Identifier: Apache-2.0
// A guest's RAM as its devices see it.
#pragma once

#include "vmm/devices/virtio/guest_ram.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

class DeviceRam final : public GuestRam {
 public:
  /// The memory must outlive it.
  explicit DeviceRam(const GuestMemory& memory) : memory_(memory) {}

  [[nodiscard]] std::optional<std::span<std::byte>> at(Gpa address, std::uint64_t size) const override {
    return memory_.at(address, size);
  }

 private:
  const GuestMemory& memory_;
};

}  // namespace samepage::vmm
