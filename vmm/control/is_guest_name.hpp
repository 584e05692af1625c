// SPDX-License-Identifier: Apache-2.0
// The rule for names of guests, for programs that have no C++ library too (vmm/opener).
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace samepage::vmm {

inline constexpr std::size_t max_guest_name = 63;

constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

/// 1 to max_guest_name of the characters A-Z a-z 0-9 . _ -, the first of them neither '.' nor '-'.
constexpr bool is_guest_name(std::string_view name) {
  if (name.empty() || name.size() > max_guest_name) return false;
  if (name.front() == '.' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), is_name_character);
}

}  // namespace samepage::vmm
