// SPDX-License-Identifier: Apache-2.0
// What merging costs: breaks, holds and processor time, as a part of the page. Pure.
#pragma once

#include <string>

#include "manage/report/history.hpp"

namespace samepage::report {

[[nodiscard]] std::string costs_section(const History& history);

}  // namespace samepage::report
