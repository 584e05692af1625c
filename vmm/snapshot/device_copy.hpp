// SPDX-License-Identifier: Apache-2.0
// What a guest has written to overlay disks and to persistent memory of its own, at one moment: disks are
// frozen, memory is copied.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/machine/guest_files.hpp"
#include "vmm/snapshot/pmem_copy.hpp"
#include "vmm/snapshot/written_device.hpp"

namespace samepage::vmm {

class DeviceCopy {
 public:
  /// Persistent memory is copied to `fd` from `offset` on, -1: to a file of its own. The files must outlive
  /// it. Throws std::system_error.
  DeviceCopy(const GuestFiles& files, int fd, std::uint64_t offset);

  /// In this order, the second one while the guest is held. Throw UserError, std::system_error; the guest is
  /// as it was then.
  void copy_running();
  void copy_held();

  /// Copies what is on the disks behind the memory, and returns where all is. `end` is where that ends.
  /// Throws std::system_error.
  [[nodiscard]] std::vector<WrittenDevice> into_file(std::uint64_t& end);
  /// Where all is; adds the files, which only can be read, to `files`. Throws std::system_error.
  [[nodiscard]] std::vector<WrittenDevice> apart(std::vector<FrozenFile>& files);

 private:
  /// A device that a guest has written to, by its place in the configuration.
  struct Memory {
    std::uint32_t number;
    std::unique_ptr<PmemCopy> copy;
  };
  struct Disk {
    std::uint32_t number;
    DiskOverlay* overlay;
  };

  UniqueFd own_;
  int fd_;
  std::uint64_t end_;  // of the memory in the file
  std::vector<Memory> memories_;
  std::vector<Disk> disks_;
};

}  // namespace samepage::vmm
