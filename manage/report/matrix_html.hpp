// SPDX-License-Identifier: Apache-2.0
// Who shares how much with whom, as a part of the page. Pure.
#pragma once

#include <string>

#include "manage/report/sharing.hpp"

namespace samepage::report {

/// `seconds`: when in the record it was taken.
[[nodiscard]] std::string matrix_section(const SharingMatrix& matrix, double seconds);

/// A table of amounts between things and things. `title` names a pair for people.
struct MatrixView {
  std::vector<std::string> names;
  std::vector<std::vector<std::uint64_t>> bytes;
  std::string label;
};
[[nodiscard]] std::string matrix_html(const MatrixView& view);

}  // namespace samepage::report
