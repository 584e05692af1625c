// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/mac_address.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>

#include <charconv>

#include "base/check.hpp"

namespace samepage::vmm {

std::optional<MacAddress> parse_mac(std::string_view text) {
  MacAddress mac{};
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* const first = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(first, first + 2, mac.at(i), 16);
    if (error != std::errc{} || end != first + 2) return std::nullopt;
    if (i + 1 < mac.size() && *end != ':') return std::nullopt;
  }
  if ((mac[0] & 1U) != 0) return std::nullopt;  // of a group
  return mac;
}

std::string to_text(const MacAddress& mac) {
  return fmt::format("{:02x}", fmt::join(mac, ":"));
}

MacAddress random_mac() {
  MacAddress mac{};
  check(::getrandom(mac.data(), mac.size(), 0), "getrandom");
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfcU) | 2U);
  return mac;
}

}  // namespace samepage::vmm
