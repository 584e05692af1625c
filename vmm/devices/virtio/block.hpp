// SPDX-License-Identifier: Apache-2.0
// Block device (virtio 1.2, 5.2) with one queue. Data goes through a buffer of this process: so no system
// call reads into guest memory, nothing of it is ever pinned, and the write barrier never waits for a disk.
#pragma once

#include <linux/virtio_blk.h>

#include <array>
#include <string>
#include <vector>

#include "vmm/devices/virtio/counter.hpp"
#include "vmm/devices/virtio/device_figures.hpp"
#include "vmm/devices/virtio/disk_file.hpp"
#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

class Block final : public VirtioDevice {
 public:
  /// `serial` is what the guest's get-id request is told; at most 20 bytes of it.
  Block(DiskFile disk, std::string serial);

  [[nodiscard]] std::uint32_t id() const override { return 2; }
  [[nodiscard]] std::uint64_t features() const override;
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void read_config(std::uint64_t offset, std::span<std::byte> data) const override;
  void serve(VirtioState& state) override;
  [[nodiscard]] DeviceState save() override { return BlockState{disk_.sectors()}; }
  [[nodiscard]] std::optional<std::string_view> restore(const DeviceState& state) override;
  /// Any thread.
  [[nodiscard]] DiskFigures figures() const;
  [[nodiscard]] const DiskFile& disk() const { return disk_; }

 private:
  struct Header {
    std::uint32_t type;
    std::uint32_t reserved;
    std::uint64_t sector;
  };
  /// What came of a request; empty `status`: the chain is void.
  struct Outcome {
    std::uint8_t status = VIRTIO_BLK_S_OK;
    std::uint64_t written = 0;
    bool lost = false;  // the driver has reset the device meanwhile, or the guest was put back
  };
  static Outcome outcome_of(DiskFile::Wrote wrote);
  Outcome handle(VirtioState& state, const Chain& chain);
  Outcome perform(VirtioState& state, const Chain& chain, const Header& header);
  void count(const Header& header, const Chain& chain, const Outcome& outcome);
  Outcome read(VirtioState& state, const Chain& chain, std::uint64_t sector);
  Outcome write(VirtioState& state, const Chain& chain, std::uint64_t sector);
  Outcome clear(VirtioState& state, const Chain& chain);
  Outcome identify(VirtioState& state, const Chain& chain) const;
  [[nodiscard]] bool on_disk(std::uint64_t sector, std::uint64_t bytes) const;

  static constexpr std::array<std::uint16_t, 1> sizes{256};
  DiskFile disk_;
  std::string serial_;
  virtio_blk_config config_{};
  std::vector<std::byte> buffer_;
  std::uint64_t life_ = 0;  // of the disk, when the request was begun
  struct {
    Counter read_requests, read_bytes, write_requests, write_bytes, flush_requests, errors;
  } counts_;
};

}  // namespace samepage::vmm
