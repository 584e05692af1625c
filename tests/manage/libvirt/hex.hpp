// SPDX-License-Identifier: Apache-2.0
// Bytes as a person writes them: "00000004 77656200", spaces where it helps.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "manage/libvirt/xdr.hpp"

namespace samepage::libvirt::test {

inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  unsigned digits = 0, value = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    value = value << 4U | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (++digits % 2 == 0) bytes.push_back(static_cast<std::byte>(value));
    if (digits % 2 == 0) value = 0;
  }
  return bytes;
}

inline std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 4 == 0) text += ' ';
    text += fmt::format("{:02x}", std::to_integer<unsigned>(bytes[i]));
  }
  return text;
}

}  // namespace samepage::libvirt::test
