// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

constexpr std::size_t room_for_number = 8;

}  // namespace

std::string not_a_guest_name(std::string_view name) {
  return fmt::format(
      "'{}' is not a guest name: use 1 to {} of the characters A-Z a-z 0-9 . _ -, not beginning with '.' or "
      "'-'",
      name, max_guest_name);
}

void require_guest_name(std::string_view name) {
  if (!is_guest_name(name)) throw UserError(not_a_guest_name(name));
}

std::string base_name_of_image(std::string_view image) {
  image.remove_prefix(image.find_last_of('/') + 1);  // npos + 1 is 0
  while (!image.empty() && (image.front() == '.' || image.front() == '-')) image.remove_prefix(1);
  std::string name(image.substr(0, max_guest_name - room_for_number));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_name_character(c); }, '-');
  return is_guest_name(name) ? name : "guest";
}

}  // namespace samepage::vmm
