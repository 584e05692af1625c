// SPDX-License-Identifier: Apache-2.0
// node-memory-tune: what libvirt has for KSM's settings and counters, as Samepage's. docs/libvirt.md has the
// table. Pure.
#pragma once

#include <span>
#include <vector>

#include "base/json.hpp"
#include "manage/libvirt/typed_parameter.hpp"

namespace samepage::libvirt {

/// `host`: the daemon's figures; `knobs`: its knobs as text. Empty objects: there is no daemon.
[[nodiscard]] std::vector<TypedParameter> memory_parameters_of(const nlohmann::json& host,
                                                               const nlohmann::json& knobs);
/// What the daemon is to be asked for: {"do": "tune", ...}; without a knob where nothing is to change. Throws
/// a libvirt::Error when one of the parameters can't be set.
[[nodiscard]] nlohmann::json tune_request_for(std::span<const TypedParameter> parameters);

}  // namespace samepage::libvirt
