// SPDX-License-Identifier: Apache-2.0
// A host file as persistent memory: mapped, so that the host's page cache is the guest's memory and all
// guests with the file have one copy of what they only read.
#pragma once

#include <cstddef>
#include <span>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/device_config.hpp"

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

 private:
  PmemAccess access_;
  UniqueFd file_;
  Mapping mapping_;
};

}  // namespace samepage::vmm
