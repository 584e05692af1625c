// SPDX-License-Identifier: Apache-2.0
// A guest at one moment, in one file: its memory, which guests that go on from it map, and a description of
// all the rest.
//
//   0                header: a page, of which the first bytes say something
//   memory_offset    window 0: page i of the guest's RAM at memory_offset + i pages;
//                    pages without data are holes
//   behind that      what the guest has written to disks and persistent memory whose files
//                    stay as they are (written_device.hpp)
//   behind that      the description: the guest's configuration, its state, the list of
//                    pages with data, checksums of those that are in this file
//
// Pages may also lie in other files, which the description names. An incremental snapshot has what changed
// since its base, and names for every page the file that it is in: the base, or one that the base names. So
// no file is looked for through another one, and there can be no loop. A fork's memory is apart: in files in
// memory that have several windows (memory_copy.hpp), and in those that its parent goes on from; this file
// has header and description alone.
//
// The header is written last: without it, or with a wrong checksum, the file is no snapshot. Its checksum is
// of header and description, the memory's checksums among that. So identity and checksum together tell
// whether another file is the one that is meant, with the same memory. At start memory is not read to check
// it, because nobody wants to read all of it to begin; its length is checked. Numbers are little-endian. Pure
// but for the file's descriptor.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "vmm/snapshot/memory_checksums.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::vmm {

inline constexpr std::uint32_t snapshot_version = 2;
inline constexpr std::uint64_t snapshot_memory_offset = page_size;

using SnapshotId = std::array<std::uint8_t, 16>;

/// Which snapshot it is, and that it is unchanged.
struct SnapshotIdentity {
  SnapshotId id{};             // random; zero of a file that is no snapshot
  std::uint64_t checksum = 0;  // of its header and description

  bool operator==(const SnapshotIdentity&) const = default;
};

/// A file that some of the pages are in.
struct OtherFile {
  std::string path;  // where it was; may be empty where memory is apart
  SnapshotIdentity identity;
  std::uint64_t offset = 0;  // of its first window

  bool operator==(const OtherFile&) const = default;
};

/// All of a snapshot but the content of its memory.
struct Snapshot {
  PageCount ram;       // of the guest
  bool apart = false;  // all of its memory is in other files
  /// Where its pages are, in ascending order, without overlap; holes among them. File 0 is this one, file i
  /// the i-th of `others`.
  std::vector<SnapshotRun> runs;
  std::string config;  // vmm/process/guest_config_bytes
  std::string state;   // vmm/machine/machine_state_bytes
  SnapshotIdentity identity = {};
  std::vector<OtherFile> others = {};
  std::vector<MemoryChecksum> checksums = {};  // of checksum_pieces(runs)
  std::string devices = {};                    // bytes of WrittenDevices
  std::uint64_t devices_bytes = 0;             // of what they have, between memory and description

  bool operator==(const Snapshot&) const = default;
};

[[nodiscard]] SnapshotId new_snapshot_id();

/// Where what the devices have begins.
[[nodiscard]] std::uint64_t devices_offset(PageCount ram);

/// Completes `fd`, in which the memory is. The identity's checksum is left out of account, and returned.
/// Throws std::system_error.
std::uint64_t write_snapshot(int fd, const Snapshot& snapshot);

/// Throws UserError that begins "it ..." and says why the file is no snapshot that can be used;
/// std::system_error where it can't be read.
[[nodiscard]] Snapshot read_snapshot(int fd);

/// Reads all that the devices have in the file, and compares its checksum. Throws UserError that begins "it",
/// std::system_error.
void require_sound_devices(int fd, const Snapshot& snapshot);

/// The description as bytes, and back, but for its identity. `bytes` may be anything: throws UserError.
[[nodiscard]] std::string description_of(const Snapshot& snapshot);
[[nodiscard]] Snapshot snapshot_of(std::span<const std::byte> description, PageCount ram, bool apart);

}  // namespace samepage::vmm
