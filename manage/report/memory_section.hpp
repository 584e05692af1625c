// SPDX-License-Identifier: Apache-2.0
// What stands behind the memory of guests, all together and each, as a part of the page. Pure.
#pragma once

#include <string>

#include "manage/report/history.hpp"

namespace samepage::report {

[[nodiscard]] std::string memory_section(const History& history);

}  // namespace samepage::report
