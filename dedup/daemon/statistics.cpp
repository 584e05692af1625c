// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/statistics.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/types.hpp"
#include "dedup/hold_times_json.hpp"
#include "dedup/shortage_json.hpp"

namespace samepage::dedup {
namespace {

using nlohmann::json;

// What the kernel keeps for one mapping: struct vm_area_struct and its place in the maple tree.
constexpr std::uint64_t vma_bytes = 256;

}  // namespace

void HostFigures::add_domain(const SharingCounts& counts, std::uint64_t metadata_bytes,
                             const StoreFigures& store) {
  counts_ += counts;
  metadata_bytes_ += metadata_bytes;
  store_bytes_ += store.allocated_bytes;
  stores_.push_back(store);
}

void HostFigures::add_guest(const Guest& guest, std::uint64_t staging_bytes) {
  const wire::Report& report = guest.report;
  sum_.breaks += report.breaks;
  sum_.merge_cpu_us += report.merge_cpu_us;
  sum_.hold_times += report.hold_times;
  sum_.paged_out += report.paged_out;
  sum_.came_back += report.came_back;
  if (guest.session == nullptr) return;
  sum_.zero_pages += report.zero_pages;
  sum_.volatile_pages += report.volatile_pages;
  sum_.vmas += report.vmas;
  sum_.own_pages += report.own_pages;
  sum_.shared_pages += report.shared_pages;
  sum_.paged_resident_pages += report.paged_resident_pages;
  sum_.agent_bytes += report.agent_bytes;
  sum_.failed_merges += report.failed_merges;
  staging_bytes_ += staging_bytes;
  if (report.passes > 0) (report.tracks_writes != 0 ? tracks_writes_ : tracks_digests_) = true;
}

void HostFigures::add_past(const GuestTable::Past& past) {
  sum_.hold_times += past.hold_times;
  sum_.merge_cpu_us += past.merge_cpu_us;
  sum_.paged_out += past.paged_out;
  sum_.came_back += past.came_back;
}

void HostFigures::add_hold(std::uint64_t microseconds) {
  hold_max_us_ = std::max(hold_max_us_, microseconds);
}

std::string_view HostFigures::tracker() const {
  if (tracks_writes_ && tracks_digests_) return "mixed";
  if (tracks_writes_) return "write-protection";
  return tracks_digests_ ? "rehash" : "none";
}

json HostFigures::to_json() const {
  const std::uint64_t saved = PageCount{counts_.pages_sharing() + sum_.zero_pages}.bytes();
  const std::uint64_t overhead = daemon_bytes_ + staging_bytes_ + sum_.agent_bytes + sum_.vmas * vma_bytes;
  json stores = json::array();
  for (const StoreFigures& store : stores_) {
    stores.push_back({{"inode", store.inode}, {"allocated_bytes", store.allocated_bytes}});
  }
  return {{"pages_shared", counts_.pages_shared},
          {"pages_sharing", counts_.pages_sharing()},
          {"pages_unshared", counts_.pages_unshared},
          {"pages_volatile", sum_.volatile_pages},
          {"pages_pending", counts_.pages_pending},
          {"frame_dups", counts_.frame_dups},
          {"zero_pages", sum_.zero_pages},
          {"full_scans", full_scans_},
          {"errors", errors_},
          {"breaks", sum_.breaks},
          {"failed_merges", sum_.failed_merges},
          {"reserved_bytes", commit_.bytes},
          {"commit_limit_bytes", commit_.limit},
          {"worst_case_bytes", worst_case_.needed},
          {"available_bytes", worst_case_.available},
          {"uncovered_bytes", uncovered_},
          {"committed_bytes", PageCount{sum_.own_pages + sum_.shared_pages}.bytes()},
          {"paged_bytes", PageCount{counts_.pages_paged}.bytes()},
          {"paged_resident_bytes", PageCount{sum_.paged_resident_pages}.bytes()},
          {"slots_bytes", PageCount{counts_.slots}.bytes()},
          {"paged_out", sum_.paged_out},
          {"came_back", sum_.came_back},
          {"frames_out", frames_out_},
          {"saved_bytes", saved},
          {"overhead_bytes", overhead},
          {"net_saved_bytes", static_cast<std::int64_t>(saved) - static_cast<std::int64_t>(overhead)},
          {"metadata_bytes", metadata_bytes_},
          {"agents_bytes", sum_.agent_bytes},
          {"vmas", sum_.vmas},
          {"store_bytes", store_bytes_},
          {"stores", stores},
          {"staging_bytes", staging_bytes_},
          {"daemon_pss_anon_bytes", daemon_bytes_},
          {"hold_max_us", hold_max_us_},
          {"hold_us", dedup::to_json(sum_.hold_times)},
          {"merge_cpu_us", sum_.merge_cpu_us},
          {"daemon_cpu_us", daemon_cpu_us_},
          {"cpu_credit_us", std::chrono::duration_cast<std::chrono::microseconds>(cpu_credit_).count()},
          {"cpu_waiting_guests", cpu_waiting_},
          {"shortages", dedup::to_json(shortages_)},
          {"tracker", tracker()}};
}

json to_json(const Guest& guest, std::chrono::steady_clock::time_point now) {
  return {{"name", guest.name},
          {"pid", guest.peer.pid},
          {"domain", guest.domain},
          {"shortages", to_json(guest.shortages(now))}};
}

json to_json(const UserFigures& user) {
  const Account& account = user.account;
  const bool unlimited = account.limit() == Account::unlimited;
  const PolicyRule& rule = user.rule == nullptr ? PolicyRule() : *user.rule;
  const auto limit = [](const std::optional<std::uint64_t>& most) {
    return most ? json(*most) : json(nullptr);
  };
  return {{"uid", user.uid},
          {"bytes", account.used()},
          {"limit_bytes", unlimited ? json(nullptr) : json(account.limit())},
          {"refusals", account.refusals()},
          {"guests", user.guests},
          {"guests_limit", limit(rule.max_guests)},
          {"ram_bytes", user.ram_bytes},
          {"ram_limit_bytes", limit(rule.max_ram)},
          {"domains", user.domains},
          {"domains_limit", limit(rule.max_domains)},
          {"kept_out", user.kept_out},
          {"policy_line", user.rule == nullptr ? json(nullptr) : json(user.rule->line)}};
}

}  // namespace samepage::dedup
