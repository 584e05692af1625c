// SPDX-License-Identifier: Apache-2.0
// Hold times in JSON: {"up_to": [50, 100, ...], "holds": [...], "sum": ...}, in microseconds. `holds` has one
// entry more: of those that were longer than all.
#pragma once

#include "base/json.hpp"
#include "dedup/hold_times.hpp"

namespace samepage::dedup {

inline nlohmann::json to_json(const HoldTimes& times) {
  return {{"up_to", HoldTimes::up_to_us}, {"holds", times.holds}, {"sum", times.sum_us}};
}

}  // namespace samepage::dedup
