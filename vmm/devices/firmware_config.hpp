// SPDX-License-Identifier: Apache-2.0
// How kvm-unit-tests ask for the number of CPUs and the size of RAM: the numbers of QEMU's firmware
// configuration device, at its I/O ports. QEMU, docs/specs/fw_cfg.rst. No files, no DMA.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

struct FirmwareConfigState {
  std::optional<std::uint16_t> selected;  // empty: an item that there is not
  std::uint32_t next = 0;                 // byte of it to be read

  bool operator==(const FirmwareConfigState&) const = default;
};

class FirmwareConfig final : public PortDevice {
 public:
  static constexpr std::uint16_t port = 0x510;
  static constexpr std::uint16_t ports = 2;

  FirmwareConfig(unsigned cpus, std::uint64_t ram_bytes);

  /// At the first port: selects an item, from its first byte on.
  void write(std::uint16_t offset, std::span<const std::byte> data) override;
  /// At the second port: the next byte of the item; zeros behind its end, and where there is no item.
  void read(std::uint16_t offset, std::span<std::byte> data) override;

  [[nodiscard]] FirmwareConfigState save();
  void restore(const FirmwareConfigState& state);

 private:
  void select(std::uint16_t item);  // with lock_ held

  std::map<std::uint16_t, std::vector<std::byte>> items_;
  std::mutex lock_;  // of what the vCPUs have selected, one after the other
  std::map<std::uint16_t, std::vector<std::byte>>::const_iterator selected_ = items_.end();
  std::size_t next_ = 0;
};

}  // namespace samepage::vmm
