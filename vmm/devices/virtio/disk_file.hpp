// SPDX-License-Identifier: Apache-2.0
// What is behind a block device: sectors of a raw file, or of one that is only read with the guest's changes
// beside it. Locked against other users while it lives. One thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::vmm {

inline constexpr std::uint64_t sector_bytes = 512;

class DiskFile {
 public:
  /// Throws UserError when the file is missing, empty, locked, can't be used as asked, or is to be written
  /// and does not end with a whole sector. One that is only read ends with zeros, up to a whole sector.
  explicit DiskFile(const DiskConfig& config);

  [[nodiscard]] std::uint64_t sectors() const { return sectors_; }
  [[nodiscard]] bool writable() const { return access_ != DiskAccess::read_only; }

  // Of whole sectors below sectors(). False when the host can't: the file may have been cut short.
  [[nodiscard]] bool read(std::uint64_t sector, std::span<std::byte> to);
  [[nodiscard]] bool write(std::uint64_t sector, std::span<const std::byte> from);
  /// Makes the sectors read as zeros, giving their memory back where the file system can.
  [[nodiscard]] bool write_zeroes(std::uint64_t sector, std::uint64_t count);
  /// Returns when all that was written is on the medium.
  [[nodiscard]] bool flush();

 private:
  [[nodiscard]] bool read_file(std::uint64_t sector, std::span<std::byte> to);
  [[nodiscard]] bool still_reaches(std::uint64_t sector) const;
  [[nodiscard]] bool is_changed(std::uint64_t sector) const;
  void note_changed(std::uint64_t sector, std::uint64_t count);

  DiskAccess access_;
  UniqueFd file_;
  std::uint64_t bytes_ = 0;  // of the file when it was opened
  std::uint64_t sectors_ = 0;
  UniqueFd overlay_;  // a sparse file without a name; sectors at their own offsets
  Mapping changed_;   // a bit a sector: it is in the overlay
};

}  // namespace samepage::vmm
