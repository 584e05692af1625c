// SPDX-License-Identifier: Apache-2.0
// What is behind a block device: sectors of a raw file, or of one that is only read with the guest's changes
// beside it (disk_overlay.hpp). Locked against other users while it lives. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/device_config.hpp"
#include "vmm/devices/virtio/disk_overlay.hpp"
#include "vmm/devices/virtio/sector_set.hpp"

namespace samepage::vmm {

class DiskFile {
 public:
  /// Throws UserError when the file is missing, empty, locked, can't be used as asked, or is to be written
  /// and does not end with a whole sector. One that is only read ends with zeros, up to a whole sector.
  explicit DiskFile(const DiskConfig& config);

  [[nodiscard]] std::uint64_t sectors() const { return sectors_; }
  [[nodiscard]] bool writable() const { return access_ != DiskAccess::read_only; }

  using Wrote = DiskOverlay::Wrote;

  // Of whole sectors below sectors(). Fails when the host can't: the file may have been cut short.
  [[nodiscard]] bool read(std::uint64_t sector, std::span<std::byte> to);
  /// `life`: life() when the request was taken.
  [[nodiscard]] Wrote write(std::uint64_t sector, std::span<const std::byte> from, std::uint64_t life);
  /// Makes the sectors read as zeros, giving their memory back where the file system can.
  [[nodiscard]] Wrote write_zeroes(std::uint64_t sector, std::uint64_t count, std::uint64_t life);
  /// DiskOverlay::life()
  [[nodiscard]] std::uint64_t life() const { return overlay_ ? overlay_->life() : 0; }
  /// Returns when all that was written is on the medium.
  [[nodiscard]] bool flush();

  // Any thread.
  [[nodiscard]] DiskAccess access() const { return access_; }
  /// Where the guest's changes are, if they are kept apart.
  [[nodiscard]] DiskOverlay* overlay() const { return overlay_.get(); }
  /// What the file is like now. Throws std::system_error.
  [[nodiscard]] FileAsItWas as_it_is() const;

 private:
  [[nodiscard]] bool read_file(std::uint64_t sector, std::span<std::byte> to);
  [[nodiscard]] bool still_reaches(std::uint64_t sector) const;

  DiskAccess access_;
  UniqueFd file_;
  std::uint64_t bytes_ = 0;  // of the file when it was opened
  std::uint64_t sectors_ = 0;
  std::unique_ptr<DiskOverlay> overlay_;
};

}  // namespace samepage::vmm
