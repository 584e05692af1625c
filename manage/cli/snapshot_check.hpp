// SPDX-License-Identifier: Apache-2.0
// Reads all memory of a snapshot and compares it with its checksums, for a person who waits.
#pragma once

#include "vmm/snapshot/snapshot_chain.hpp"

namespace samepage::cli {

/// Says how far it is on stderr, now and then. Throws UserError that begins "it ..." or "its base ...",
/// Interrupted when a stop signal comes.
void verify_snapshot(const vmm::SnapshotChain& chain);

}  // namespace samepage::cli
