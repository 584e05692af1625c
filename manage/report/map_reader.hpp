// SPDX-License-Identifier: Apache-2.0
// Asks running guests which frames they map.
#pragma once

#include <chrono>

#include "manage/guests/snapshot.hpp"
#include "manage/report/sharing.hpp"

namespace samepage::report {

/// Who shares with whom now. Asks the guests of `snapshot` that share most, all at once, and takes what has
/// come within `patience`. Left out are guests that map frames of a daemon that is gone, for their frames'
/// numbers are another store's.
SharingMatrix read_sharing(const guests::Snapshot& snapshot, std::chrono::milliseconds patience);

}  // namespace samepage::report
