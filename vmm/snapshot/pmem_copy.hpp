// SPDX-License-Identifier: Apache-2.0
// Copies what a guest has written to persistent memory of its own (PmemAccess::copied) into a file: once
// while the guest runs and once more, when it is held, what it has written meanwhile. Page i goes to i pages
// from an offset of the file, which has a hole there.
#pragma once

#include <cstdint>
#include <vector>

#include "dedup/agent/memory_region.hpp"
#include "vmm/devices/virtio/pmem_file.hpp"
#include "vmm/devices/virtio/written_runs.hpp"
#include "vmm/snapshot/own_memory.hpp"

namespace samepage::vmm {

/// The memory as one region, from page 0 on.
[[nodiscard]] dedup::MemoryRegion region_of(const PmemFile& file);

class PmemCopy {
 public:
  /// Both must outlive it.
  PmemCopy(const PmemFile& file, int fd, std::uint64_t offset);

  /// Before the guest is held. Throws std::system_error.
  void copy_running();
  /// While it is held. Throws std::system_error.
  void copy_held();
  /// What was copied then; it is in the file of this number.
  [[nodiscard]] std::vector<WrittenRun> runs(std::uint32_t file) const;

 private:
  /// All that the memory's file does not have, by its place in the memory: `file` and `at` say nothing.
  [[nodiscard]] std::vector<WrittenRun> written() const;
  void copy(std::uint64_t first, std::uint64_t end);

  const PmemFile& file_;
  dedup::MemoryRegion region_;
  OwnMemory memory_;
  int fd_;
  std::uint64_t offset_;
  bool watched_ = false;
  std::vector<bool> copied_;  // pages, as they are
  std::vector<WrittenRun> runs_;
};

}  // namespace samepage::vmm
