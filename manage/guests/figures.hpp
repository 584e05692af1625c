// SPDX-License-Identifier: Apache-2.0
// Figures as people read them: a value of a JSON object, shown in the figure's unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/figure.hpp"
#include "base/json.hpp"

namespace samepage::guests {

/// A figure's value in `object`, for people; a number that is not there is 0.
[[nodiscard]] std::string text_of(const Figure& figure, const nlohmann::json& object);

/// An unsigned number of `object`, 0 when it is not there.
[[nodiscard]] std::uint64_t number(const nlohmann::json& object, std::string_view key);

}  // namespace samepage::guests
