// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/label_pattern.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include "dedup/domain_label.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

bool is_label_pattern(std::string_view text) {
  std::string label(name_of_domain(text));
  std::replace_if(
      label.begin(), label.end(), [](char c) { return c == '*' || c == '?'; }, 'x');
  return wire::is_name(label);
}

namespace {

// A '*' takes as little as it can, and one more whenever what follows does not fit. Only the last one ever
// has to: what those before it took was enough.
bool fits_name(std::string_view pattern, std::string_view label) {
  std::size_t at = 0, next = 0;
  std::size_t after_star = std::string_view::npos, taken = 0;
  while (at < label.size()) {
    if (next < pattern.size() && pattern[next] == '*') {
      after_star = ++next;
      taken = at;
    } else if (next < pattern.size() && (pattern[next] == '?' || pattern[next] == label[at])) {
      ++next, ++at;
    } else if (after_star != std::string_view::npos) {
      next = after_star;
      at = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', next) == std::string_view::npos;
}

}  // namespace

bool fits(std::string_view pattern, std::string_view label) {
  const DomainMode wanted = mode_of(pattern);
  return (wanted == DomainMode::plain || wanted == mode_of(label)) &&
         fits_name(name_of_domain(pattern), name_of_domain(label));
}

}  // namespace samepage::dedup
