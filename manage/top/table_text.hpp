// SPDX-License-Identifier: Apache-2.0
// The rows of `samepage top` for programs: CSV (RFC 4180) and JSON. Pure.
#pragma once

#include <span>
#include <string>

#include "base/json.hpp"
#include "manage/guests/snapshot.hpp"
#include "manage/top/rows.hpp"

namespace samepage::top {

/// "time" and the keys of all columns.
[[nodiscard]] std::string csv_head();
/// A line for each guest; `time` in seconds since 1970. What isn't known is empty.
[[nodiscard]] std::string csv_lines(std::span<const Row> rows, double time);
/// {"time", "host", "guests": [{KEY: value...}]}; what isn't known is null.
[[nodiscard]] nlohmann::json json_of(const guests::Snapshot& snapshot, std::span<const Row> rows,
                                     double time);

}  // namespace samepage::top
