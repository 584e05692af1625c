// SPDX-License-Identifier: Apache-2.0
// Guests that have ended, as `ps --all`, `logs` and messages show them.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "vmm/control/guest_record.hpp"

namespace samepage::cli {

/// "has ended 3m05s ago, with exit code 9" or "has ended: its process was killed...". `now` in seconds since
/// 1970.
std::string end_text(const vmm::GuestRecord& record, std::int64_t now);

/// With the keys of a guest that runs, its state "ended", and how it ended.
nlohmann::json end_json(const vmm::GuestRecord& record);

/// The records of guests that are not among `live`, the last end last.
std::vector<vmm::GuestRecord> ended_guests(const std::vector<nlohmann::json>& live);

/// A table of them; empty when there are none.
std::string ended_table(const std::vector<vmm::GuestRecord>& records, std::int64_t now);

}  // namespace samepage::cli
