// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/escape_key.hpp"

namespace samepage::vmm {
namespace {

constexpr char control_bit = 0x40;  // what Ctrl takes from '@' to '_', and adds to '?'
constexpr char delete_key = 0x7f;

constexpr bool is_control(char c) {
  return (c >= 0 && c < ' ') || c == delete_key;
}

}  // namespace

std::optional<EscapeKey> EscapeKey::parse(std::string_view text) {
  if (text == "none") return EscapeKey(std::nullopt);
  if (text.size() == 1 && text[0] > ' ' && text[0] < delete_key) return EscapeKey(text[0]);
  if (text.size() != 2 || text[0] != '^') return std::nullopt;
  char shown = text[1];
  if (shown >= 'a' && shown <= 'z') shown = static_cast<char>(shown - 'a' + 'A');
  if (shown != '?' && (shown < '@' || shown > '_')) return std::nullopt;
  return EscapeKey(static_cast<char>(shown ^ control_bit));
}

EscapeKey::Input EscapeKey::split(std::string_view typed) const {
  const std::size_t at = key_ ? typed.find(*key_) : typed.npos;
  return {typed.substr(0, at), at != typed.npos};
}

std::string EscapeKey::name() const {
  if (!key_) return {};
  if (!is_control(*key_)) return {*key_};
  return std::string("Ctrl-") + static_cast<char>(*key_ ^ control_bit);
}

}  // namespace samepage::vmm
