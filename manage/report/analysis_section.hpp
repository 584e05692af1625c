// SPDX-License-Identifier: Apache-2.0
// What `samepage analyze --json` found in memory images, as a part of the page. Pure.
#pragma once

#include <string>

#include "base/json.hpp"

namespace samepage::report {

/// Empty where there is no analysis. What is missing in it, or isn't what it should be, is left out.
[[nodiscard]] std::string analysis_section(const nlohmann::json& analysis);

}  // namespace samepage::report
