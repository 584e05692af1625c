// SPDX-License-Identifier: Apache-2.0
// What asks guests for their figures, one or all together. The mutex is never held while one is waited for.
#include <fmt/format.h>

#include <chrono>
#include <set>
#include <system_error>
#include <utility>

#include "manage/guests/guest_connection.hpp"
#include "manage/libvirt/domain_figures.hpp"
#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/domains_parts.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/guest_requests.hpp"
#include "manage/libvirt/list_filter.hpp"
#include "vmm/devices/virtio/mac_address.hpp"

namespace samepage::libvirt {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::chrono::seconds patience_with_all{5};

std::size_t disk_index(const DomainDefinition& domain, const std::string& device) {
  for (std::size_t i = 0; i < domain.disks.size(); ++i) {
    if (domain.disks[i].target == device || domain.disks[i].config.path == device) return i;
  }
  throw invalid_argument(fmt::format("invalid path: domain '{}' has no disk '{}'", domain.name, device));
}

std::size_t net_index(const DomainDefinition& domain, const std::string& device) {
  const std::optional<vmm::MacAddress> mac = vmm::parse_mac(device);
  for (std::size_t i = 0; i < domain.nets.size(); ++i) {
    if (domain.nets[i].tap == device || (mac && domain.nets[i].mac == mac)) return i;
  }
  throw invalid_argument(fmt::format("invalid path: domain '{}' has no interface '{}'", domain.name, device));
}

}  // namespace

DomainInfo Domains::info(const DomainRef& domain) {
  DomainInfo info;
  DomainRef ref;
  bool answers = false;
  {
    const auto here = parts_->lock();
    const FoundDomain found = parts_->needed(domain);
    ref = found.ref();
    answers = found.running != nullptr && found.running->answers;
    info.state = parts_->state_of(found).state;
    info.max_kib = found.live().memory_kib;
    info.current_kib = found.live().current_kib;
    info.vcpus = found.live().vcpus;
  }
  if (!answers) return info;
  const json stat = ask(ref, {{"do", "stat"}});
  info.current_kib = current_kib(stat, info.max_kib);
  info.cpu_ns = cpu_ns(stat);
  return info;
}

std::vector<MemoryStat> Domains::memory_stats(const DomainRef& domain) {
  const Live live = live_one(*parts_, domain);
  return memory_stats_of(ask(live.ref, {{"do", "stat"}}), live.definition.memory_kib);
}

std::vector<VcpuInfo> Domains::vcpus(const DomainRef& domain) {
  return vcpus_of(ask(live_one(*parts_, domain).ref, {{"do", "stat"}}));
}

std::vector<TypedParameter> Domains::cpu_stats(const DomainRef& domain) {
  return cpu_stats_of(ask(live_one(*parts_, domain).ref, {{"do", "stat"}}));
}

BlockStats Domains::block_stats(const DomainRef& domain, const std::string& device) {
  const Live live = live_one(*parts_, domain);
  const std::size_t disks = live.definition.disks.size();
  // Without a name, as libvirt has it: all together.
  const std::size_t first = device.empty() ? 0 : disk_index(live.definition, device);
  const std::size_t end = device.empty() ? disks : first + 1;
  const json stat = ask(live.ref, {{"do", "stat"}});
  BlockStats sum;
  for (std::size_t index = first; index < end; ++index) sum += block_stats_of(stat, index);
  return sum;
}

std::vector<TypedParameter> Domains::block_parameters(const DomainRef& domain, const std::string& device) {
  return block_parameters_of(block_stats(domain, device));
}

InterfaceStats Domains::interface_stats(const DomainRef& domain, const std::string& device) {
  const Live live = live_one(*parts_, domain);
  const std::size_t index = net_index(live.definition, device);
  return interface_stats_of(ask(live.ref, {{"do", "stat"}}), index);
}

std::vector<Domains::Stats> Domains::stats(std::span<const DomainRef> domains, unsigned groups,
                                           unsigned flags) {
  const bool enforce = (flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) != 0;
  if (enforce && (groups & ~known_stats_groups) != 0) {
    throw unsupported(fmt::format("statistics groups {:#x}", groups & ~known_stats_groups));
  }
  if (groups == 0) groups = known_stats_groups;
  struct Asked {
    DomainRef ref;
    DomainDefinition definition;
    DomainState state;
    bool answers = false;
  };
  std::vector<Asked> asked;
  {
    const auto here = parts_->lock();
    std::set<Uuid> seen;
    const auto add = [&](const FoundDomain& found) {
      if (!seen.insert(found.uuid).second) return;  // each guest is asked once
      const DomainState state = parts_->state_of(found);
      if (!passes_filter(parts_->list_flags(found, state), flags)) return;
      asked.push_back({found.ref(), found.live(), state, found.running != nullptr && found.running->answers});
    };
    if (domains.empty()) {
      for (const FoundDomain& found : parts_->all()) add(found);
    }
    for (const DomainRef& domain : domains) {
      const std::optional<FoundDomain> found = parts_->find(domain.uuid);
      if (found) add(*found);  // one that has gone since is left out
    }
  }
  constexpr unsigned from_guests = known_stats_groups & ~static_cast<unsigned>(VIR_DOMAIN_STATS_STATE);
  std::vector<UniqueFd> sockets(asked.size());
  std::vector<int> open;
  std::vector<std::size_t> whose;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!asked[i].answers || (groups & from_guests) == 0) continue;
    try {
      sockets[i] = vmm::GuestRegistry::of_this_user().connect(asked[i].ref.name);
    } catch (const std::system_error&) {
      continue;  // it takes no callers
    }
    if (!sockets[i]) continue;
    open.push_back(sockets[i].get());
    whose.push_back(i);
  }
  const std::vector<guests::Asked> answers =
      guests::ask_together(open, {{"do", "stat"}}, Clock::now() + patience_with_all);
  std::vector<const json*> told(asked.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].answer && answers[i].answer->body.value("ok", false))
      told[whose[i]] = &answers[i].answer->body;
  }
  std::vector<Stats> all;
  all.reserve(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    all.emplace_back(asked[i].ref, domain_stats(asked[i].definition, asked[i].state, told[i], groups));
  }
  return all;
}

}  // namespace samepage::libvirt
