// SPDX-License-Identifier: Apache-2.0
// The options that give a guest devices, and the parsers of their notations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manage/cli/command.hpp"
#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::cli {

/// Declares the options; `devices` must outlive the parsing.
void add_device_options(const Command& command, vmm::DeviceConfig& devices);

/// --net alone.
void add_net(const Command& command, std::vector<vmm::NetConfig>& nets, const std::string& help);

/// --disk and --pmem for a guest that had others: in the same order, as many as it has, or none. The targets
/// must outlive the parsing.
void add_files(const Command& command, vmm::DeviceConfig& files);
/// Puts the files that are told in place of those that the guest had. Throws UserError that says what would
/// be right; a disk whose content is nowhere else has to be told. `guests`: that go on with them.
void choose_files(vmm::DeviceConfig& devices, const vmm::DeviceConfig& told, unsigned guests);

/// "FILE", "FILE,ro", "FILE,overlay" or "FILE,rw"; empty when it is none of them.
std::optional<vmm::DiskConfig> parse_disk(std::string_view text);

/// "FILE,ro", "FILE,private" or "FILE,shared", each with ",address=0x100000000" or without.
std::optional<vmm::PmemConfig> parse_pmem(std::string_view text);
/// "tap=NAME" or "none", with ",mac=02:00:00:00:00:01" or without.
std::optional<vmm::NetConfig> parse_net(std::string_view text);

/// A number in hexadecimal ("0xf0000000") or with the units of parse_size() ("4096", "3G").
std::optional<std::uint64_t> parse_address(std::string_view text);

}  // namespace samepage::cli
