// SPDX-License-Identifier: Apache-2.0
// A host file as persistent memory: mapped, so that the host's page cache is the guest's memory and all
// guests with the file have one copy of what they only read.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/device_config.hpp"
#include "vmm/devices/virtio/disk_overlay.hpp"
#include "vmm/devices/virtio/written_runs.hpp"

namespace samepage::vmm {

class PmemFile {
 public:
  /// Throws UserError when the file is missing, empty, can't be used as asked or is locked.
  explicit PmemFile(const PmemConfig& config);

  /// The file, filled up with zeros to a multiple of pmem_alignment.
  [[nodiscard]] std::span<std::byte> bytes() const { return mapping_.bytes(); }
  [[nodiscard]] PmemAccess access() const { return access_; }
  /// Returns when all that guests have written is on the medium. False: it could not be done.
  [[nodiscard]] bool flush() const;
  /// Before the guest has begun: what it goes on from, mapped like the file. Whole pages within bytes(), of a
  /// file of the guest's own copy. Throws std::system_error.
  void begin_from(const WrittenContent& content);
  [[nodiscard]] const std::vector<WrittenRun>& begun_from() const { return begun_from_; }
  /// What the file is like now. Throws std::system_error.
  [[nodiscard]] FileAsItWas as_it_is() const;

 private:
  PmemAccess access_;
  UniqueFd file_;
  Mapping mapping_;
  std::vector<WrittenRun> begun_from_;
};

}  // namespace samepage::vmm
