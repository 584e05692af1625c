// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/reboot_option.hpp"

namespace samepage::vmm {
namespace {

/// Takes what comes before `separator`, and the separator, off `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view first = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return first;
}

}  // namespace

bool reboots_by_triple_fault(std::string_view command_line) {
  constexpr std::string_view option = "reboot=";
  bool found = false;
  while (!command_line.empty()) {
    std::string_view word = take(command_line, ' ');
    if (!word.starts_with(option)) continue;
    word.remove_prefix(option.size());
    while (!word.empty()) found = take(word, ',').starts_with('t') || found;
  }
  return found;
}

}  // namespace samepage::vmm
