// SPDX-License-Identifier: Apache-2.0
#include "dedup/domain_label.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

constexpr std::string_view uniform_mode = ",uniform";
// `none` and `zero-only` are other ways to share. A domain with the name of a mode could not be told from the
// mode in a policy's list.
constexpr std::array<std::string_view, 3> taken{"none", "zero-only", "uniform"};

}  // namespace

DomainMode mode_of(std::string_view label) {
  return label.ends_with(uniform_mode) ? DomainMode::uniform : DomainMode::plain;
}

std::string_view name_of_domain(std::string_view label) {
  if (mode_of(label) == DomainMode::uniform) label.remove_suffix(uniform_mode.size());
  return label;
}

bool is_domain_label(std::string_view text) {
  return text.size() < wire::max_name && wire::is_name(name_of_domain(text));
}

bool may_be_chosen(std::string_view label) {
  const std::string_view name = name_of_domain(label);
  return is_domain_label(label) && name.front() != '.' && name.front() != '-' &&
         std::find(taken.begin(), taken.end(), name) == taken.end();
}

std::string what_labels_are() {
  return fmt::format(
      "a label has 1 to {} of the characters A-Z a-z 0-9 . _ -, of which up to {} can have ',uniform' behind "
      "them",
      wire::max_name - 1, wire::max_name - 1 - uniform_mode.size());
}

}  // namespace samepage::dedup
