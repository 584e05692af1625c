// SPDX-License-Identifier: Apache-2.0
// A guest at one moment, in one file: its memory, which guests that go on from it map, and a description of
// all the rest.
//
//   0                header: a page, of which the first 64 bytes say something
//   memory_offset    window 0: page i of the guest's RAM at memory_offset + i pages;
//                    pages without data are holes
//   behind that      the description: the guest's configuration, its state, the list of
//                    pages with data
//
// A fork's memory is apart: a file with several windows (memory_copy.hpp), beside one with
// header and description alone.
//
// The header is written last: without it, or with a wrong checksum, the file is no snapshot. The checksum is
// of header and description. Memory has none, because nobody wants to read all of it to begin; its length is
// checked. Numbers are little-endian. Pure but for the file's descriptor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

inline constexpr std::uint32_t snapshot_version = 1;
inline constexpr std::uint64_t snapshot_memory_offset = page_size;

/// All of a snapshot but the content of its memory.
struct Snapshot {
  PageCount ram;       // of the guest
  bool apart = false;  // its memory is in another file
  /// Where its pages are, in ascending order, without overlap; holes among them.
  std::vector<SnapshotRun> runs;
  std::string config;  // vmm/process/guest_config_bytes
  std::string state;   // vmm/machine/machine_state_bytes

  bool operator==(const Snapshot&) const = default;
};

/// Completes `fd`, in which the memory is. Throws std::system_error.
void write_snapshot(int fd, const Snapshot& snapshot);

/// Throws UserError that begins "it ..." and says why the file is no snapshot that can be used;
/// std::system_error where it can't be read.
[[nodiscard]] Snapshot read_snapshot(int fd);

/// The description as bytes, and back. `bytes` may be anything: throws UserError.
[[nodiscard]] std::string description_of(const Snapshot& snapshot);
[[nodiscard]] Snapshot snapshot_of(std::span<const std::byte> description, PageCount ram, bool apart);

}  // namespace samepage::vmm
