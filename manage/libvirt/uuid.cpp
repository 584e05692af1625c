// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/uuid.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <xxhash.h>

#include <cstring>

#include "base/check.hpp"

namespace samepage::libvirt {
namespace {

Uuid marked(Uuid uuid, unsigned version) {
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0fU) | (version << 4U));
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3fU) | 0x80U);
  return uuid;
}

int hex_digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

}  // namespace

Uuid random_uuid() {
  Uuid uuid{};
  check(::getrandom(uuid.data(), uuid.size(), 0), "getrandom");
  return marked(uuid, 4);
}

Uuid uuid_of_text(std::string_view text) {
  XXH128_canonical_t canonical{};
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  Uuid uuid{};
  static_assert(sizeof(canonical) == uuid.size());
  std::memcpy(uuid.data(), &canonical, uuid.size());
  return marked(uuid, 8);
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  Uuid uuid{};
  std::size_t digits = 0;
  for (const char character : text) {
    // A dash may stand between bytes.
    if (character == '-' && digits > 0 && digits % 2 == 0) continue;
    const int digit = hex_digit(character);
    if (digit < 0 || digits == 2 * uuid.size()) return std::nullopt;
    std::uint8_t& byte = uuid.at(digits / 2);
    byte = static_cast<std::uint8_t>(static_cast<unsigned>(byte) << 4U | static_cast<unsigned>(digit));
    ++digits;
  }
  if (digits != 2 * uuid.size() || text.back() == '-') return std::nullopt;
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid.at(i));
  }
  return text;
}

}  // namespace samepage::libvirt
