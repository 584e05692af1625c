// SPDX-License-Identifier: Apache-2.0
// The daemon's knobs: the master copy, what it can be reset to, and how it is kept for the next daemon. What
// `samepage tune` asks and is answered.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "dedup/knobs.hpp"

namespace samepage::dedup {

struct KnobSettings {
  Settings current;
  Settings defaults;
  /// Keeps knobs that were set for the next daemon; says where, or nothing when it can't.
  std::function<std::string(const Settings&)> keep = {};
  std::string kept_in = {};  // where those are that were kept last; empty: nowhere
};

/// Whether a request sets anything.
[[nodiscard]] bool sets_knobs(const nlohmann::json& request);
/// Carries out {"do": "tune", "reset": true, KNOB: TEXT...}. Throws UserError, and then nothing has changed.
void set_knobs(KnobSettings& settings, const nlohmann::json& request);
/// {"knobs": {...}, "defaults": {...}, "kept_in": PATH}
[[nodiscard]] nlohmann::json to_json(const KnobSettings& settings);

}  // namespace samepage::dedup
