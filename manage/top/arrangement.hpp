// SPDX-License-Identifier: Apache-2.0
// Which guests are shown, and in which order. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manage/top/rows.hpp"

namespace samepage::top {

enum class Order : std::uint8_t { ascending, descending };

struct Arrangement {
  std::size_t sort = column("saved_bytes");
  Order order = Order::descending;
  std::string filter;  // shown are names, images and domains that contain it
  std::string domain;  // shown is this one alone; empty: all
};

/// The order in which a column tells most at the top: names from A on, figures from the largest on.
[[nodiscard]] Order natural_order(std::size_t sort);

/// What is shown, in order. Guests that the column tells nothing of are last; equal ones go by name.
[[nodiscard]] std::vector<Row> arranged(std::vector<Row> rows, const Arrangement& arrangement);

/// The domain after `domain` in alphabetical order; after the last one: all ("").
[[nodiscard]] std::string next_domain(const std::vector<Row>& rows, const std::string& domain);

}  // namespace samepage::top
