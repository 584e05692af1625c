// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/device_options.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "manage/cli/run_options.hpp"

namespace samepage::cli {
namespace {

using vmm::DiskAccess;
using vmm::PmemAccess;

constexpr std::array<std::pair<std::string_view, DiskAccess>, 3> disk_accesses{
    {{"ro", DiskAccess::read_only}, {"overlay", DiskAccess::overlay}, {"rw", DiskAccess::read_write}}};

constexpr std::array<std::pair<std::string_view, PmemAccess>, 3> pmem_accesses{
    {{"ro", PmemAccess::read_only}, {"private", PmemAccess::copied}, {"shared", PmemAccess::shared}}};

// Cuts off what is behind the last comma, and returns it.
std::string_view cut_last_word(std::string_view& text) {
  const std::size_t comma = text.rfind(',');
  if (comma == std::string_view::npos) return {};
  const std::string_view word = text.substr(comma + 1);
  text = text.substr(0, comma);
  return word;
}

std::optional<vmm::MacAddress> parse_mac(std::string_view text) {
  vmm::MacAddress mac{};
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

std::string mac_text(const vmm::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4],
                     mac[5]);
}

}  // namespace

std::optional<vmm::PmemConfig> parse_pmem(std::string_view text) {
  vmm::PmemConfig pmem;
  std::string_view word = cut_last_word(text);
  constexpr std::string_view address_key = "address=";
  if (word.starts_with(address_key)) {
    const auto address = parse_address(word.substr(address_key.size()));
    if (!address) return std::nullopt;
    pmem.address = Gpa{*address};
    word = cut_last_word(text);
  }
  pmem.path = text;
  for (const auto& [name, access] : pmem_accesses) {
    if (word != name || text.empty()) continue;
    pmem.access = access;
    return pmem;
  }
  return std::nullopt;
}

std::optional<vmm::NetConfig> parse_net(std::string_view text) {
  constexpr std::string_view tap_key = "tap=";
  constexpr std::string_view mac_key = ",mac=";
  if (!text.starts_with(tap_key)) return std::nullopt;
  text.remove_prefix(tap_key.size());
  vmm::NetConfig net;
  if (const std::size_t at = text.find(mac_key); at != std::string_view::npos) {
    net.mac = parse_mac(text.substr(at + mac_key.size()));
    if (!net.mac) return std::nullopt;
    text = text.substr(0, at);
  }
  if (text.empty() || text.find(',') != std::string_view::npos) return std::nullopt;
  net.tap = text;
  return net;
}

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
  for (const vmm::PmemConfig& pmem : devices.pmems) {
    for (const auto& [name, access] : pmem_accesses) {
      if (pmem.access != access) continue;
      std::string text = fmt::format("{},{}", pmem.path, name);
      if (pmem.address) text += fmt::format(",address={:#x}", pmem.address->value);
      words.insert(words.end(), {"--pmem", text});
    }
  }
  for (const vmm::NetConfig& net : devices.nets) {
    words.insert(words.end(), {"--net", "tap=" + net.tap + (net.mac ? ",mac=" + mac_text(*net.mac) : "")});
  }
  if (devices.rng) words.emplace_back("--rng");
  if (devices.balloon) words.emplace_back("--balloon");
  if (devices.console) words.emplace_back("--virtio-console");
}

}  // namespace samepage::cli
