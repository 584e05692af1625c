// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/device_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/units.hpp"
#include "vmm/devices/virtio/mac_address.hpp"

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

template <typename Access, std::size_t count>
std::string_view word_for(const std::array<std::pair<std::string_view, Access>, count>& words,
                          Access access) {
  for (const auto& [word, meaning] : words) {
    if (meaning == access) return word;
  }
  return {};
}

// What the guest writes itself may also be kept apart now. Anything else would be another device.
bool may_become(DiskAccess was, DiskAccess now) {
  return was == now || (was == DiskAccess::read_write && now == DiskAccess::overlay);
}
bool may_become(PmemAccess was, PmemAccess now) {
  return was == now;
}

template <typename Config, typename Words>
void require_same_kinds(const std::vector<Config>& had, const std::vector<Config>& told,
                        std::string_view option, const Words& words) {
  if (told.size() != had.size()) {
    throw UserError(fmt::format("the guest has {} files for {}; give {} as often, in the same order",
                                had.size(), option, option));
  }
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (may_become(had[i].access, told[i].access)) continue;
    const std::string_view word = word_for(words, had[i].access);
    throw UserError(
        fmt::format("the guest had {} as '{}', and can't go on with something else: write '{} {},{}'",
                    had[i].path, word, option, told[i].path, word));
  }
}

}  // namespace

void add_files(const Command& command, vmm::DeviceConfig& files) {
  command.repeated({"--disk", "FILE[,ro|,overlay|,rw]",
                    "The file behind its disk, for each that it has (default: as before)"},
                   files.disks, parse_disk);
  command.details("--disk",
                  "The content must be what it was at that moment. A disk that was `rw` has to be named: a "
                  "copy that was made while the guest was paused, `rw` or `overlay`.");
  command.repeated({"--pmem", "FILE,(ro|private|shared)",
                    "The file behind its persistent memory, for each that it has (default: as before)"},
                   files.pmems, parse_pmem);
}

void choose_files(vmm::DeviceConfig& devices, const vmm::DeviceConfig& told, unsigned guests) {
  if (!told.disks.empty()) {
    require_same_kinds(devices.disks, told.disks, "--disk", disk_accesses);
    devices.disks = told.disks;
  } else {
    for (const vmm::DiskConfig& disk : devices.disks) {
      if (disk.access != DiskAccess::read_write) continue;
      throw UserError(
          fmt::format("what was on its disk {} ('rw') is in no snapshot: name a copy from that "
                      "moment with --disk",
                      disk.path));
    }
  }
  const bool own = std::any_of(devices.disks.begin(), devices.disks.end(), [](const vmm::DiskConfig& disk) {
    return disk.access == DiskAccess::read_write;
  });
  if (own && guests > 1) {
    throw UserError(
        "several guests can't write one disk; give it to them as 'overlay', or start them one by one");
  }
  if (told.pmems.empty()) return;
  require_same_kinds(devices.pmems, told.pmems, "--pmem", pmem_accesses);
  for (std::size_t i = 0; i < told.pmems.size(); ++i) {
    vmm::PmemConfig& pmem = devices.pmems[i];
    pmem = {told.pmems[i].path, pmem.access, pmem.address, {}};
  }
}

void add_device_options(const Command& command, vmm::DeviceConfig& devices) {
  command.repeated({"--disk", "FILE[,ro|,overlay|,rw]",
                    "A raw file as a virtio disk: read-only, with the guest's changes thrown away at its end "
                    "(default), or written"},
                   devices.disks, parse_disk);
  command.details(
      "--disk",
      "`overlay` (default): the guest's changes are kept apart and go with it. `rw`: they go to the "
      "file, which no other guest may use then. A file whose size is not a multiple of 512 ends with "
      "zeros for the guest, and can't be `rw`.");
  command.repeated({"--pmem", "FILE,(ro|private|shared)[,address=ADDRESS]",
                    "A file as persistent memory: not writable, with changes of the guest's own, or shared "
                    "with all who share it"},
                   devices.pmems, parse_pmem);
  command.details(
      "--pmem",
      "It is `/dev/pmem0` in the guest, mapped: guests with the same file have one copy of what they only "
      "read. "
      "`shared`: a write is seen at once by all who share it, and is written out by a flush. `private`: the "
      "guest's writes are its own. `ro`: what it writes is dropped, and its next flush fails. A file that is "
      "`shared` can't be `private` memory or a disk of another guest at the same time. It lies behind RAM, "
      "or at "
      "an address that is a multiple of 2 MiB.");
  add_net(command, devices.nets, "A virtio network device on a TAP interface of the host");
  command.details(
      "--net",
      "`ip tuntap add NAME mode tap user USER` makes one. Of an interface made with `multi_queue` the "
      "guest has one queue. With `none` nothing is plugged into it.");
  command.flag("--rng", "A virtio source of random numbers", devices.rng);
  command.flag("--balloon", "A virtio balloon: memory that the guest frees goes back to the host at once",
               devices.balloon);
  command.details("--balloon", "Merged or not; with free-page reporting and statistics.");
  command.flag("--virtio-console", "A virtio console (hvc0) beside the serial one", devices.console);
  command.details("--virtio-console", "Its output goes to the same place.");
}

void add_net(const Command& command, std::vector<vmm::NetConfig>& nets, const std::string& help) {
  command.repeated({"--net", "(tap=NAME|none)[,mac=MAC]", help}, nets, parse_net);
}

std::optional<std::uint64_t> parse_address(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return parse_size(text);
  text.remove_prefix(2);
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, 16);
  if (text.empty() || error != std::errc{} || end != last) return std::nullopt;
  return value;
}

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
  constexpr std::string_view unplugged = "none";
  const bool has_tap = text.starts_with(tap_key);
  if (has_tap) text.remove_prefix(tap_key.size());
  vmm::NetConfig net;
  if (const std::size_t at = text.find(mac_key); at != std::string_view::npos) {
    net.mac = vmm::parse_mac(text.substr(at + mac_key.size()));
    if (!net.mac) return std::nullopt;
    text = text.substr(0, at);
  }
  if (!has_tap) return text == unplugged ? std::optional(net) : std::nullopt;
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

}  // namespace samepage::cli
