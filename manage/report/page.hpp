// SPDX-License-Identifier: Apache-2.0
// The page that `samepage report` writes: one file that needs no other. Pure.
#pragma once

#include <string>

#include "base/json.hpp"
#include "manage/report/history.hpp"

namespace samepage::report {

struct PageSource {
  const History* history = nullptr;  // with at least one moment
  std::uint64_t damaged_lines = 0;   // of the record
  std::string title = "Samepage report";
  nlohmann::json analysis;  // of `samepage analyze --json`; null: there is none
};

[[nodiscard]] std::string page_html(const PageSource& source);

/// The figures of the page for programs.
[[nodiscard]] nlohmann::json page_json(const PageSource& source);

}  // namespace samepage::report
