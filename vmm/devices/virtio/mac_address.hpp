// SPDX-License-Identifier: Apache-2.0
// MAC addresses as text and by chance.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::vmm {

/// "52:54:00:12:34:56"; none for anything else and for the address of a group.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);
[[nodiscard]] std::string to_text(const MacAddress& mac);
/// Locally administered, of one interface. Throws std::system_error.
[[nodiscard]] MacAddress random_mac();

}  // namespace samepage::vmm
