// SPDX-License-Identifier: Apache-2.0
// Shortages in answers to `stat`: a list of {"resource", "lasts_ms", "waiting", "waits"}, where "waits" says
// what "waiting" counts.
#pragma once

#include <span>
#include <string>

#include "base/json.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

[[nodiscard]] inline nlohmann::json to_json(std::span<const ShortageFigure> shortages) {
  nlohmann::json list = nlohmann::json::array();
  for (const ShortageFigure& shortage : shortages) {
    list.push_back({{"resource", std::string(name_of(shortage.what))},
                    {"lasts_ms", shortage.lasts.count()},
                    {"waiting", shortage.waiting},
                    {"waits", std::string(waits_for(shortage.what))}});
  }
  return list;
}

}  // namespace samepage::dedup
