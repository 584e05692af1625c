// SPDX-License-Identifier: Apache-2.0
// The notations of the options that give a guest devices, both ways. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::cli {

/// "FILE", "FILE,ro", "FILE,overlay" or "FILE,rw"; empty when it is none of them.
std::optional<vmm::DiskConfig> parse_disk(std::string_view text);

/// "FILE,ro", "FILE,private" or "FILE,shared", each with ",address=0x100000000" or without.
std::optional<vmm::PmemConfig> parse_pmem(std::string_view text);
/// "tap=NAME" with ",mac=02:00:00:00:00:01" or without.
std::optional<vmm::NetConfig> parse_net(std::string_view text);

/// Appends the words that give a guest these devices.
void append_device_options(std::vector<std::string>& words, const vmm::DeviceConfig& devices);

}  // namespace samepage::cli
