// SPDX-License-Identifier: Apache-2.0
// The table of guests on the screen of `samepage top`: which columns there is room for, its head and its
// rows.
#pragma once

#include <cstddef>
#include <vector>

#include "manage/top/screen.hpp"
#include "manage/top/view.hpp"

namespace samepage::top {

/// The first columns that fit.
struct Layout {
  std::vector<std::size_t> columns;
  std::size_t name_width = 0;
};

/// Room goes to the figures that matter first, then to names, then to what else there is.
[[nodiscard]] Layout layout_of(const View& view, std::size_t width);
[[nodiscard]] Line head_line(const Layout& layout, const View& view, std::size_t width);
[[nodiscard]] Line row_line(const Layout& layout, const Row& row, bool selected, std::size_t width);

}  // namespace samepage::top
