// SPDX-License-Identifier: Apache-2.0
// What libvirt tells domains and hosts apart by (RFC 4122). A plain value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace samepage::libvirt {

using Uuid = std::array<std::uint8_t, 16>;

/// A new one (version 4). Throws std::system_error.
[[nodiscard]] Uuid random_uuid();
/// Always the same one for a text (version 8, whose bits are its maker's affair).
[[nodiscard]] Uuid uuid_of_text(std::string_view text);
/// With or without dashes, as libvirt takes them; none for anything else.
[[nodiscard]] std::optional<Uuid> parse_uuid(std::string_view text);
/// In lower case, with dashes.
[[nodiscard]] std::string to_text(const Uuid& uuid);

}  // namespace samepage::libvirt
