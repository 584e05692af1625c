// SPDX-License-Identifier: Apache-2.0
// The columns of `samepage top`. What they are called, count and mean comes from the list of guests' figures;
// here is which of them are shown, in which order, and as what. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/figure.hpp"

namespace samepage::top {

/// What is shown of a figure.
enum class Shown : std::uint8_t {
  value,      // as the guest tells it
  rate,       // of a counter, a second
  saved,      // computed: this guest's part of what merging saves
  processor,  // computed: percent of one processor
  held,       // computed: how long it was held, a second: of the sum in the histogram of holds
};

struct Column {
  Figure figure;
  Shown shown = Shown::value;
  std::string heading;
  std::string key;  // in CSV and JSON: the figure's, with "_per_s" where it is a second's
  std::size_t width = 0;
};

/// In the order in which a wide enough terminal shows them. A narrow one leaves out the last ones. The first
/// is the guest's name. Lives for ever.
[[nodiscard]] std::span<const Column> columns();
/// Where the column with this key is; it must be there.
[[nodiscard]] std::size_t column(std::string_view key);

/// A value: nothing where it isn't known.
using Cell = std::variant<std::monostate, double, std::string>;

/// For people, in few characters; "-" for nothing. Holds printable ASCII alone: a guest's process may say
/// anything, and control characters would do things to a terminal.
[[nodiscard]] std::string text_of(const Column& column, const Cell& cell);
/// `text` with '?' in place of all that isn't printable ASCII.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace samepage::top
