// SPDX-License-Identifier: Apache-2.0
// What `samepage analyze` prints. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "manage/analyze/costs.hpp"
#include "manage/analyze/figures.hpp"

namespace samepage::cli {

struct AnalyzedFile {
  std::string path;
  std::string format;                // "raw", "elf"
  std::uint64_t left_out_bytes = 0;  // in the file, but in no whole page
  std::uint64_t missing_bytes = 0;   // of the guest, but not in the file
  bool changed = false;              // while it was read
};

struct AnalysisReport {
  analyze::Figures figures;
  std::vector<AnalyzedFile> files;
  analyze::Costs costs;
  std::uint64_t mappings_for_merging = 0;  // that a guest's process may use
  std::uint64_t bytes_read = 0;
  double seconds = 0;

  /// So many pairs are in the JSON at most: those with the most in common.
  static constexpr std::size_t most_pairs = 10000;

  /// `pairs`: how many of them are shown. At most 80 columns.
  [[nodiscard]] std::string text(std::size_t pairs) const;
  [[nodiscard]] nlohmann::json to_json() const;
  /// What has to be said of the files besides, a line each.
  [[nodiscard]] std::vector<std::string> notes() const;
};

}  // namespace samepage::cli
