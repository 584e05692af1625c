// SPDX-License-Identifier: Apache-2.0
// Persistent memory device (virtio 1.2, 5.19): tells the driver where the memory is, and flushes it. The
// guest uses the memory itself without us; see pmem_file.hpp.
//
// A write of a guest to read-only memory comes to the MMIO bus. It is dropped: nobody is harmed, and a guest
// that was told to mount read-only never gets there. So that one that does write hears of it, its next flush
// fails (an I/O error of fsync in Linux).
#pragma once

#include <array>
#include <atomic>

#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/virtio/pmem_file.hpp"
#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

class Pmem final : public VirtioDevice {
 public:
  /// The file must outlive it.
  Pmem(const PmemFile& file, Gpa address);

  [[nodiscard]] std::uint32_t id() const override { return 27; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void read_config(std::uint64_t offset, std::span<std::byte> data) const override;
  void serve(VirtioState& state) override;
  [[nodiscard]] DeviceState save() override;
  [[nodiscard]] std::optional<std::string_view> restore(const DeviceState& state) override;

  /// What answers to the memory's addresses where the guest may not write.
  [[nodiscard]] MmioDevice& dropped_writes() { return dropped_; }

 private:
  class DroppedWrites final : public MmioDevice {
   public:
    void write(std::uint64_t /*offset*/, std::span<const std::byte> /*data*/) override { ++count_; }
    void read(std::uint64_t /*offset*/, std::span<std::byte> data) override;
    [[nodiscard]] std::uint64_t count() const { return count_; }

   private:
    std::atomic<std::uint64_t> count_ = 0;
  };

  static constexpr std::array<std::uint16_t, 1> sizes{64};
  const PmemFile& file_;
  std::array<std::uint64_t, 2> config_;  // start, size
  DroppedWrites dropped_;
  std::atomic<std::uint64_t> told_ = 0;    // dropped writes that a flush has told of
  std::atomic<bool> lost_before_ = false;  // before the state that was restored
};

}  // namespace samepage::vmm
