// SPDX-License-Identifier: Apache-2.0
// JSON as text, for everything that is sent or printed. Words and paths that people give may hold any bytes:
// those that are not UTF-8 become U+FFFD, where the library would throw.
#pragma once

#include <string>

#include "base/json.hpp"

namespace samepage::dedup {

/// `indent` of -1: one line.
inline std::string json_text(const nlohmann::json& body, int indent = -1) {
  return body.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace samepage::dedup
