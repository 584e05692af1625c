// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/device_options.hpp"

#include <array>
#include <utility>

namespace samepage::cli {
namespace {

using vmm::DiskAccess;

constexpr std::array<std::pair<std::string_view, DiskAccess>, 3> disk_accesses{
    {{"ro", DiskAccess::read_only}, {"overlay", DiskAccess::overlay}, {"rw", DiskAccess::read_write}}};

}  // namespace

std::optional<vmm::DiskConfig> parse_disk(std::string_view text) {
  vmm::DiskConfig disk{std::string(text.substr(0, text.rfind(','))), DiskAccess::overlay};
  if (disk.path.empty()) return std::nullopt;
  if (disk.path.size() == text.size()) return disk;
  const std::string_view word = text.substr(disk.path.size() + 1);
  for (const auto& [name, access] : disk_accesses) {
    if (word != name) continue;
    disk.access = access;
    return disk;
  }
  return std::nullopt;
}

void append_device_options(std::vector<std::string>& words, const vmm::DeviceConfig& devices) {
  for (const vmm::DiskConfig& disk : devices.disks) {
    for (const auto& [name, access] : disk_accesses) {
      if (disk.access == access) words.insert(words.end(), {"--disk", disk.path + "," + std::string(name)});
    }
  }
  if (devices.rng) words.emplace_back("--rng");
}

}  // namespace samepage::cli
