// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/domain_figures.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace samepage::libvirt {
namespace {

using nlohmann::json;

constexpr std::uint64_t ns_per_us = 1000;

std::optional<std::uint64_t> number_in(const json& object, std::string_view key) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::uint64_t number(const json& object, std::string_view key) {
  return number_in(object, key).value_or(0);
}

std::int64_t counter(const json& object, std::string_view key) {
  return static_cast<std::int64_t>(number(object, key));
}

const json& part(const json& object, std::string_view key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

const json& item(const json& object, std::string_view list, std::size_t index) {
  static const json nothing;
  const json& items = part(object, list);
  return items.is_array() && index < items.size() ? items[index] : nothing;
}

// What a guest says of its memory, by libvirt's tag and by its key in domstats.
struct GuestMemoryFigure {
  const char* key;  // in "balloon": {"guest": ...}
  int tag;
  const char* stats_key;  // null: domstats has none
  std::uint64_t divisor;  // to KiB; 1: a number of events
};
constexpr std::array<GuestMemoryFigure, 10> of_guest_memory{{
    {"swap_in_bytes", VIR_DOMAIN_MEMORY_STAT_SWAP_IN, "balloon.swap_in", 1024},
    {"swap_out_bytes", VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, "balloon.swap_out", 1024},
    {"major_faults", VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, "balloon.major_fault", 1},
    {"minor_faults", VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, "balloon.minor_fault", 1},
    {"free_bytes", VIR_DOMAIN_MEMORY_STAT_UNUSED, "balloon.unused", 1024},
    {"total_bytes", VIR_DOMAIN_MEMORY_STAT_AVAILABLE, "balloon.available", 1024},
    {"available_bytes", VIR_DOMAIN_MEMORY_STAT_USABLE, "balloon.usable", 1024},
    {"cache_bytes", VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, "balloon.disk_caches", 1024},
    {"hugepages_allocated", VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, nullptr, 1},
    {"hugepages_failed", VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, nullptr, 1},
}};

// What merging does with a guest, in the slot that libvirt has for figures of a hypervisor's own.
struct OwnFigure {
  const char* key;  // in the guest's answer
  const char* stats_key;
};
constexpr std::array<OwnFigure, 10> of_merging{{
    {"private_bytes", "vm.private_bytes.cur"},
    {"shared_bytes", "vm.shared_bytes.cur"},
    {"zero_bytes", "vm.zero_bytes.cur"},
    {"untouched_bytes", "vm.untouched_bytes.cur"},
    {"swapped_bytes", "vm.swapped_bytes.cur"},
    {"passes", "vm.passes.sum"},
    {"merges", "vm.merges.sum"},
    {"breaks", "vm.breaks.sum"},
    {"holds", "vm.holds.sum"},
    {"hold_max_us", "vm.hold_us.max"},
}};

void add_cpu(TypedParameters& out, const json& stat) {
  const std::uint64_t user = number(stat, "cpu_user_us") * ns_per_us;
  const std::uint64_t system = number(stat, "cpu_system_us") * ns_per_us;
  out.push_back({"cpu.time", user + system});
  out.push_back({"cpu.user", user});
  out.push_back({"cpu.system", system});
}

void add_balloon(TypedParameters& out, const DomainDefinition& domain, const json* stat) {
  const std::uint64_t current = stat == nullptr ? domain.current_kib : current_kib(*stat, domain.memory_kib);
  out.push_back({"balloon.current", current});
  out.push_back({"balloon.maximum", domain.memory_kib});
  if (stat == nullptr) return;
  const json& guest = part(part(*stat, "balloon"), "guest");
  for (const GuestMemoryFigure& figure : of_guest_memory) {
    const auto value = number_in(guest, figure.key);
    if (value && figure.stats_key != nullptr) out.push_back({figure.stats_key, *value / figure.divisor});
  }
  out.push_back({"balloon.rss", number(*stat, "rss_bytes") / 1024});
}

void add_vcpus(TypedParameters& out, const DomainDefinition& domain, const json* stat) {
  out.push_back({"vcpu.current", std::uint32_t{domain.vcpus}});
  out.push_back({"vcpu.maximum", std::uint32_t{domain.vcpus}});
  if (stat == nullptr) return;
  for (const VcpuInfo& vcpu : vcpus_of(*stat)) {
    out.push_back({fmt::format("vcpu.{}.state", vcpu.number), std::int32_t{vcpu.state}});
    out.push_back({fmt::format("vcpu.{}.time", vcpu.number), vcpu.cpu_ns});
  }
}

void add_interfaces(TypedParameters& out, const DomainDefinition& domain, const json* stat) {
  out.push_back({"net.count", static_cast<std::uint32_t>(domain.nets.size())});
  for (std::size_t i = 0; i < domain.nets.size(); ++i) {
    out.push_back({fmt::format("net.{}.name", i), domain.nets[i].tap});
    if (stat == nullptr) continue;
    const InterfaceStats stats = interface_stats_of(*stat, i);
    for (const auto& [way, figures] : {std::pair("rx", stats.received), std::pair("tx", stats.sent)}) {
      const auto add = [&, way = way](const char* what, std::int64_t value) {
        out.push_back({fmt::format("net.{}.{}.{}", i, way, what), static_cast<std::uint64_t>(value)});
      };
      add("bytes", figures.bytes);
      add("pkts", figures.packets);
      add("errs", figures.errors);
      add("drop", figures.dropped);
    }
  }
}

void add_blocks(TypedParameters& out, const DomainDefinition& domain, const json* stat) {
  out.push_back({"block.count", static_cast<std::uint32_t>(domain.disks.size())});
  for (std::size_t i = 0; i < domain.disks.size(); ++i) {
    const DiskDefinition& disk = domain.disks[i];
    out.push_back({fmt::format("block.{}.name", i), disk.target});
    out.push_back({fmt::format("block.{}.path", i), disk.config.path});
    const auto add = [&](const char* what, std::uint64_t value) {
      out.push_back({fmt::format("block.{}.{}", i, what), value});
    };
    if (stat != nullptr) {
      const BlockStats stats = block_stats_of(*stat, i);
      add("rd.reqs", static_cast<std::uint64_t>(stats.read_requests));
      add("rd.bytes", static_cast<std::uint64_t>(stats.read_bytes));
      add("wr.reqs", static_cast<std::uint64_t>(stats.write_requests));
      add("wr.bytes", static_cast<std::uint64_t>(stats.write_bytes));
      add("fl.reqs", static_cast<std::uint64_t>(stats.flush_requests));
    }
    struct stat file {};
    if (::stat(disk.config.path.c_str(), &file) != 0) continue;
    constexpr std::uint64_t sector = 512;
    const auto size = static_cast<std::uint64_t>(file.st_size);
    add("allocation", static_cast<std::uint64_t>(file.st_blocks) * sector);
    add("capacity", (size + sector - 1) / sector * sector);
    add("physical", size);
  }
}

}  // namespace

std::uint64_t current_kib(const json& stat, std::uint64_t max_kib) {
  return max_kib - std::min(max_kib, number(part(stat, "balloon"), "actual_bytes") / 1024);
}

std::uint64_t cpu_ns(const json& stat) {
  return (number(stat, "cpu_user_us") + number(stat, "cpu_system_us")) * ns_per_us;
}

std::vector<MemoryStat> memory_stats_of(const json& stat, std::uint64_t max_kib) {
  std::vector<MemoryStat> stats{{VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, current_kib(stat, max_kib)},
                                {VIR_DOMAIN_MEMORY_STAT_RSS, number(stat, "rss_bytes") / 1024}};
  const json& guest = part(part(stat, "balloon"), "guest");
  for (const GuestMemoryFigure& figure : of_guest_memory) {
    if (const auto value = number_in(guest, figure.key))
      stats.push_back({figure.tag, *value / figure.divisor});
  }
  return stats;
}

std::vector<VcpuInfo> vcpus_of(const json& stat) {
  std::vector<VcpuInfo> vcpus;
  const json& list = part(stat, "vcpus");
  if (!list.is_array()) return vcpus;
  for (const json& vcpu : list) {
    const auto cpu = vcpu.value("host_cpu", -1);
    vcpus.push_back({static_cast<unsigned>(vcpus.size()),
                     vcpu.value("runs", false) ? VIR_VCPU_RUNNING : VIR_VCPU_BLOCKED,
                     number(vcpu, "cpu_us") * ns_per_us, cpu});
  }
  return vcpus;
}

TypedParameters cpu_stats_of(const json& stat) {
  const std::uint64_t user = number(stat, "cpu_user_us") * ns_per_us;
  const std::uint64_t system = number(stat, "cpu_system_us") * ns_per_us;
  return {{VIR_DOMAIN_CPU_STATS_CPUTIME, user + system},
          {VIR_DOMAIN_CPU_STATS_USERTIME, user},
          {VIR_DOMAIN_CPU_STATS_SYSTEMTIME, system}};
}

BlockStats block_stats_of(const json& stat, std::size_t index) {
  const json& disk = item(stat, "disks", index);
  return {counter(disk, "read_requests"), counter(disk, "read_bytes"),     counter(disk, "write_requests"),
          counter(disk, "write_bytes"),   counter(disk, "flush_requests"), counter(disk, "errors")};
}

InterfaceStats interface_stats_of(const json& stat, std::size_t index) {
  const json& net = item(stat, "nets", index);
  const auto way = [&](std::string_view name) {
    const json& traffic = part(net, name);
    return InterfaceStats::Direction{counter(traffic, "bytes"), counter(traffic, "packets"), 0,
                                     counter(traffic, "dropped")};
  };
  return {way("received"), way("sent")};
}

TypedParameters block_parameters_of(const BlockStats& stats) {
  return {{VIR_DOMAIN_BLOCK_STATS_READ_REQ, stats.read_requests},
          {VIR_DOMAIN_BLOCK_STATS_READ_BYTES, stats.read_bytes},
          {VIR_DOMAIN_BLOCK_STATS_WRITE_REQ, stats.write_requests},
          {VIR_DOMAIN_BLOCK_STATS_WRITE_BYTES, stats.write_bytes},
          {VIR_DOMAIN_BLOCK_STATS_FLUSH_REQ, stats.flush_requests},
          {VIR_DOMAIN_BLOCK_STATS_ERRS, stats.errors}};
}

TypedParameters domain_stats(const DomainDefinition& domain, const DomainState& state, const json* stat,
                             unsigned groups) {
  TypedParameters out;
  const auto wanted = [&](unsigned group) { return (groups & group) != 0; };
  if (wanted(VIR_DOMAIN_STATS_STATE)) {
    out.push_back({"state.state", std::int32_t{state.state}});
    out.push_back({"state.reason", std::int32_t{state.reason}});
  }
  if (wanted(VIR_DOMAIN_STATS_CPU_TOTAL) && stat != nullptr) add_cpu(out, *stat);
  if (wanted(VIR_DOMAIN_STATS_BALLOON)) add_balloon(out, domain, stat);
  if (wanted(VIR_DOMAIN_STATS_VCPU)) add_vcpus(out, domain, stat);
  if (wanted(VIR_DOMAIN_STATS_INTERFACE)) add_interfaces(out, domain, stat);
  if (wanted(VIR_DOMAIN_STATS_BLOCK)) add_blocks(out, domain, stat);
  if (wanted(VIR_DOMAIN_STATS_VM) && stat != nullptr) {
    for (const OwnFigure& figure : of_merging) {
      if (const auto value = number_in(*stat, figure.key)) out.push_back({figure.stats_key, *value});
    }
  }
  return out;
}

}  // namespace samepage::libvirt
