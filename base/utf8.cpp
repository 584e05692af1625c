// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace samepage {
namespace {

// How many bytes the character at the beginning takes; 0: there is none (RFC 3629; XML 1.0, 2.2).
std::size_t character_at(std::string_view bytes) {
  const auto at = [&](std::size_t index) { return static_cast<std::uint8_t>(bytes[index]); };
  const std::uint8_t first = at(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  std::uint32_t code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return 0;
    code = code << 6U | (at(i) & 0x3fU);
  }
  const bool shortest = length == 2 || (length == 3 ? code >= 0x800 : code >= 0x1'0000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return shortest && !surrogate && code <= 0x10'ffff && code != 0xfffe && code != 0xffff ? length : 0;
}

}  // namespace

bool is_utf8_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = character_at(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string utf8_text(std::string_view bytes) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = character_at(bytes);
    text += length == 0 ? replacement : bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

}  // namespace samepage
