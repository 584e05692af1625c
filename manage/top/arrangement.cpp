// SPDX-License-Identifier: Apache-2.0
#include "manage/top/arrangement.hpp"

#include <algorithm>
#include <set>

namespace samepage::top {
namespace {

bool is_nothing(const Cell& cell) {
  return std::holds_alternative<std::monostate>(cell);
}

bool is_shown(const Row& row, const Arrangement& arrangement) {
  if (!arrangement.domain.empty() && row.domain != arrangement.domain) return false;
  const auto contains = [&](const std::string& text) {
    return text.find(arrangement.filter) != std::string::npos;
  };
  const std::string* image = std::get_if<std::string>(&row.cells.at(column("image")));
  return contains(row.name) || contains(row.domain) || (image != nullptr && contains(*image));
}

}  // namespace

Order natural_order(std::size_t sort) {
  return columns()[sort].figure.unit == Unit::text ? Order::ascending : Order::descending;
}

std::vector<Row> arranged(std::vector<Row> rows, const Arrangement& arrangement) {
  std::erase_if(rows, [&](const Row& row) { return !is_shown(row, arrangement); });
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const Cell& left = a.cells.at(arrangement.sort);
    const Cell& right = b.cells.at(arrangement.sort);
    if (is_nothing(left) != is_nothing(right)) return is_nothing(right);
    if (left == right) return a.name < b.name;
    return arrangement.order == Order::ascending ? left < right : right < left;
  });
  return rows;
}

std::string next_domain(const std::vector<Row>& rows, const std::string& domain) {
  std::set<std::string> domains;
  for (const Row& row : rows) {
    if (!row.domain.empty()) domains.insert(row.domain);
  }
  const auto next = domains.upper_bound(domain);
  return next == domains.end() ? std::string() : *next;
}

}  // namespace samepage::top
