// SPDX-License-Identifier: Apache-2.0
// A snapshot with all files that its memory is in: opened, and known to be those that it was made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/snapshot/snapshot_file.hpp"

namespace samepage::vmm {

struct ChainFile {
  std::string path;  // that it was found at
  UniqueFd fd;       // to read
  Snapshot snapshot;
};

/// The file itself, then those that it names, in that order.
using SnapshotChain = std::vector<ChainFile>;

/// Opens the snapshot at `path` and the others that it names: each where it was, or else beside `path`, so
/// that a folder of them can be moved. Throws UserError that begins "it ..." or "its base ..." and says why
/// it can't be used; std::system_error where it can't be read.
[[nodiscard]] SnapshotChain open_snapshot_chain(const std::string& path);

/// Reads all memory of the chain and compares it with its checksums. `pulse` is called with the bytes of each
/// piece, and may throw. Throws UserError that says which file is damaged and where, std::system_error.
void check_memory(const SnapshotChain& chain, const std::function<void(std::uint64_t)>& pulse = {});

}  // namespace samepage::vmm
