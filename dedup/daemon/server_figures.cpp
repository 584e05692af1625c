// SPDX-License-Identifier: Apache-2.0
// What the daemon tells of itself: the answer to `stat`, and what metrics are made from.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cpu_time.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/process_memory.hpp"
#include "base/types.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/daemon/statistics.hpp"

namespace samepage::dedup {

using nlohmann::json;

namespace {

// A domain's label as its guests name it: the daemon has the uid before it.
std::string without_uid(std::string_view label) {
  return std::string(label.substr(label.find(':') + 1));
}

void add_waiting(std::vector<ShortageFigure>& figures, const Domain& domain) {
  for (ShortageFigure& figure : figures) {
    if (domain.lacks() == figure.what) figure.waiting += domain.waiting();
    if (figure.what == Resource::disk) figure.waiting += domain.slots().shortage().waiting();
  }
}

}  // namespace

WorstCases Server::worst_cases(std::optional<uid_t> viewer) const {
  WorstCases cases(host_memory("MemAvailable"));
  for (const auto& [membership, guest] : memberships_.guests().all()) {
    if (guest.session != nullptr && (!viewer || guest.peer.uid == *viewer)) cases.add(guest.report);
  }
  return cases;
}

HostFigures Server::host_figures(std::optional<uid_t> viewer) const {
  const auto shown = [&](uid_t uid) { return !viewer || uid == *viewer; };
  HostFigures host;
  for (const auto& [label, domain] : domains_.all()) {
    if (!shown(domain->owner())) continue;
    host.add_domain(domain->merger().counts(), domain->merger().memory_bytes(),
                    {domain->store().inode(), domain->store().allocated_bytes()});
  }
  const GuestTable& table = memberships_.guests();
  for (const auto& [membership, guest] : table.all()) {
    if (!shown(guest.peer.uid)) continue;
    host.add_guest(guest, guest.session == nullptr ? 0 : guest.session->staging_bytes());
  }
  if (!viewer) host.add_past(table.past());
  for (const auto& [uid, breaks] : table.breaks_of_gone()) host.add_breaks_of_gone(shown(uid) ? breaks : 0);
  for (const auto& [uid, longest] : table.hold_max_us()) host.add_hold(shown(uid) ? longest : 0);
  host.count_commit(commit_charge(viewer));
  host.count_frames_out(viewer ? 0 : paging_.frames_out());
  host.count_full_scans(full_scans_);
  host.count_errors(viewer ? 0 : logged_errors());
  host.count_cpu_turns(viewer ? 0 : cpu_budget_.waiting(), viewer ? CpuBudget::Cpu{} : cpu_budget_.credit());
  host.count_daemon_cpu(viewer ? 0 : static_cast<std::uint64_t>(process_cpu_time().count()));
  host.count_shortages(shortages(viewer));
  host.count_worst_case(worst_cases(viewer));
  return host;
}

// What others make wait is not shown to one user.
std::vector<ShortageFigure> Server::shortages(std::optional<uid_t> viewer) const {
  std::vector<ShortageFigure> figures = shortages_.all().figures(Shortages::Clock::now());
  for (const auto& [label, domain] : domains_.all()) {
    if (!viewer || domain->owner() == *viewer) add_waiting(figures, *domain);
  }
  return figures;
}

json Server::statistics(Costs costs, std::optional<uid_t> viewer) const {
  const auto shown = [&](uid_t uid) { return !viewer || uid == *viewer; };
  HostFigures host = host_figures(viewer);
  json guests = json::array(), users = json::array();
  for (const auto& [membership, guest] : memberships_.guests().all()) {
    if (shown(guest.peer.uid)) guests.push_back(to_json(guest, std::chrono::steady_clock::now()));
  }
  // What the daemon itself costs can't be divided among users; each one's part of it is nearly all metadata.
  host.count_daemon(viewer ? host.metadata_bytes() : costs == Costs::counted ? own_memory().anonymous() : 0);
  accounts_.for_each([&](uid_t uid, const Account& account) {
    if (shown(uid)) users.push_back(to_json(user_figures(uid, account)));
  });
  json answer{{"pid", ::getpid()}, {"guests", guests}, {"users", users}, {"host", host.to_json()}};
  if (!viewer) {
    answer["metrics"] = config_.metrics_places();
    answer["log"] = log_place();
  }
  return answer;
}

MetricsSnapshot Server::metrics(std::uint64_t daemon_bytes) const {
  MetricsSnapshot snapshot;
  snapshot.shortages = shortages({});
  HostFigures host = host_figures({});
  host.count_daemon(daemon_bytes);
  snapshot.host = host.to_json();
  std::map<std::string_view, std::uint64_t> guests_of, worst_of;  // by domain
  const auto& guests = memberships_.guests().all();
  snapshot.guests_in_all = guests.size();
  snapshot.guests.reserve(std::min(guests.size(), MetricsSnapshot::most_guests));
  for (const auto& [membership, guest] : guests) {
    ++guests_of[guest.domain];
    if (guest.session != nullptr)
      worst_of[guest.domain] += PageCount{guest.report.worst_case_pages()}.bytes();
    if (snapshot.guests.size() == MetricsSnapshot::most_guests) continue;
    snapshot.guests.push_back({guest.peer.uid, without_uid(guest.domain), guest.name,
                               guest.session != nullptr, guest.pages, guest.report,
                               guest.shortages(std::chrono::steady_clock::now())});
  }
  snapshot.domains_in_all = domains_.all().size();
  for (const auto& [label, domain] : domains_.all()) {
    if (snapshot.domains.size() == MetricsSnapshot::most_domains) break;
    const SharingCounts counts = domain->merger().counts();
    snapshot.domains.push_back({domain->owner(), without_uid(label), guests_of[label], counts.pages_shared,
                                counts.pages_sharing(), counts.pages_unshared, counts.pages_pending,
                                counts.frame_dups, domain->store().allocated_bytes(),
                                domain->merger().memory_bytes(), worst_of[label]});
  }
  accounts_.for_each([&](uid_t uid, const Account& account) {
    const bool limited = account.limit() != Account::unlimited;
    snapshot.users.push_back(
        {uid, account.used(), limited ? std::optional(account.limit()) : std::nullopt, account.refusals()});
  });
  return snapshot;
}

}  // namespace samepage::dedup
