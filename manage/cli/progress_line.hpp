// SPDX-License-Identifier: Apache-2.0
// The line on a terminal that says how far a long command is. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace samepage::cli {

/// How much of something is done.
struct Done {
  std::uint64_t part = 0;
  std::uint64_t all = 0;  // 0: not known
};

/// A bar, "[####    ]", and the text beside it, in fewer than `columns` characters: a terminal would break a
/// longer line, and could not erase the first half. The bar takes what the text leaves it. There is none
/// where that is too little, or where it is not known how much there is to do. A text that is too long is cut
/// off.
[[nodiscard]] std::string progress_line(std::string_view text, Done done, std::size_t columns);

}  // namespace samepage::cli
