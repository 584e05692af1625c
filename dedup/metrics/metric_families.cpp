// SPDX-License-Identifier: Apache-2.0
// Long because it is the table of all metrics; each has an entry, and each group of labels a function.
#include "dedup/metrics/metric_families.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "base/types.hpp"
#include "dedup/agent_figures.hpp"
#include "dedup/host_figures.hpp"

namespace samepage::dedup {
namespace {

using nlohmann::json;
using Domain = MetricsSnapshot::Domain;
using Guest = MetricsSnapshot::Guest;
using wire::Report;

std::string decimal(std::uint64_t value) {
  return fmt::format_int(value).str();
}

std::uint64_t bytes_in(std::uint64_t pages) {
  return PageCount{pages}.bytes();
}

// The metric of a figure: `scope` stands before its key. Base units: what is in microseconds is told in
// seconds.
MetricFamily family_of(std::string_view scope, const Figure& figure, std::string_view help = {}) {
  std::string_view key = figure.key;
  MetricFamily family;
  if (figure.unit == Unit::microseconds) {
    key.remove_suffix(std::string_view("_us").size());
    family.unit = "seconds";
  }
  if (figure.unit == Unit::bytes || figure.unit == Unit::signed_bytes) family.unit = "bytes";
  family.name =
      fmt::format("samepage_{}{}{}", scope, key, figure.unit == Unit::microseconds ? "_seconds" : "");
  family.help = help.empty() ? figure.help : help;
  if (figure.kind == Kind::counter) family.type = MetricType::counter;
  if (figure.kind == Kind::histogram) family.type = MetricType::histogram;
  if (figure.unit == Unit::text) family.type = MetricType::info;
  return family;
}

// --- What is told of each guest and domain.

struct DomainMetric {
  Figure figure;
  std::uint64_t Domain::*value;
};
constexpr std::array domain_metrics{
    DomainMetric{{"guests", "", Unit::count, Kind::gauge, "guests of the domain"}, &Domain::guests},
    DomainMetric{{"pages_shared", "", Unit::count, Kind::gauge, "frames that its guests map"},
                 &Domain::pages_shared},
    DomainMetric{{"pages_sharing", "", Unit::count, Kind::gauge, "further mappings of them: pages saved"},
                 &Domain::pages_sharing},
    DomainMetric{{"pages_unshared", "", Unit::count, Kind::gauge, "quiet pages that nobody else has"},
                 &Domain::pages_unshared},
    DomainMetric{{"pages_pending", "", Unit::count, Kind::gauge, "pages that are being merged"},
                 &Domain::pages_pending},
    DomainMetric{{"frame_dups", "", Unit::count, Kind::gauge, "frames whose content another frame has too"},
                 &Domain::frame_dups},
    DomainMetric{{"store_bytes", "", Unit::bytes, Kind::gauge, "memory of its frames"}, &Domain::store_bytes},
    DomainMetric{{"metadata_bytes", "", Unit::bytes, Kind::gauge, "the daemon's records of its pages"},
                 &Domain::metadata_bytes},
    DomainMetric{
        {"worst_case_bytes", "", Unit::bytes, Kind::gauge, "needed if its guests write all that they share"},
        &Domain::worst_case_bytes},
};

// Reports of agents of former versions have only some of these.
enum class Since : std::uint8_t { hello, report, whole_report };
struct GuestMetric {
  Figure figure;
  std::string_view help;
  Since since;
  std::uint64_t (*value)(const Guest&);  // null: the histogram
};
namespace figures = agent_figures;
constexpr std::array guest_metrics{
    GuestMetric{figures::connected, "whether its agent has a connection to the daemon", Since::hello,
                [](const Guest& guest) { return std::uint64_t{guest.connected}; }},
    GuestMetric{figures::ram, "its memory: the sum of private, shared, zero and untouched", Since::hello,
                [](const Guest& guest) { return bytes_in(guest.pages); }},
    GuestMetric{figures::own, "memory of its own, after its last pass", Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.own_pages); }},
    GuestMetric{figures::shared, "memory in frames, and of a snapshot", Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.shared_pages); }},
    GuestMetric{figures::backed, "of shared: of the file that it was restored or forked from",
                Since::whole_report, [](const Guest& guest) { return bytes_in(guest.report.backed_pages); }},
    GuestMetric{figures::paged, "of shared: in paging files", Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.paged_pages); }},
    GuestMetric{figures::paged_resident,
                {},
                Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.paged_resident_pages); }},
    GuestMetric{figures::zero,
                {},
                Since::report,
                [](const Guest& guest) { return bytes_in(guest.report.zero_pages); }},
    GuestMetric{figures::untouched,
                {},
                Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.untouched_pages); }},
    GuestMetric{figures::worst_case,
                {},
                Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.worst_case_pages()); }},
    GuestMetric{figures::available, "memory that is left to it, of the host or its memory cgroup",
                Since::whole_report, [](const Guest& guest) { return guest.report.available_bytes; }},
    GuestMetric{{"stands_still", "", Unit::count, Kind::gauge, "1: it stands still for want of memory"},
                {},
                Since::whole_report,
                [](const Guest& guest) { return guest.report.stands_still; }},
    GuestMetric{
        {"volatile_bytes", "", Unit::bytes, Kind::gauge, "of private: changed during the last interval"},
        {},
        Since::report,
        [](const Guest& guest) { return bytes_in(guest.report.volatile_pages); }},
    GuestMetric{
        {"unaffordable_bytes", "", Unit::bytes, Kind::gauge, "of private: not merged for want of mappings"},
        {},
        Since::whole_report,
        [](const Guest& guest) { return bytes_in(guest.report.unaffordable_pages); }},
    GuestMetric{{"lost_store_bytes", "", Unit::bytes, Kind::gauge, "mapped from stores of lost daemons"},
                {},
                Since::whole_report,
                [](const Guest& guest) { return bytes_in(guest.report.lost_store_pages); }},
    GuestMetric{{"agent_bytes", "", Unit::bytes, Kind::gauge, "memory of its agent's records"},
                {},
                Since::report,
                [](const Guest& guest) { return guest.report.agent_bytes; }},
    GuestMetric{{"merge_vmas", "", Unit::count, Kind::gauge, "mappings that merging has added"},
                {},
                Since::report,
                [](const Guest& guest) { return guest.report.vmas; }},
    GuestMetric{figures::passes, "passes over its memory", Since::report,
                [](const Guest& guest) { return guest.report.passes; }},
    GuestMetric{
        figures::merges, {}, Since::whole_report, [](const Guest& guest) { return guest.report.merges; }},
    GuestMetric{figures::breaks, {}, Since::report, [](const Guest& guest) { return guest.report.breaks; }},
    GuestMetric{figures::failed_merges, "pages not merged because they had changed", Since::report,
                [](const Guest& guest) { return guest.report.failed_merges; }},
    GuestMetric{figures::paged_out,
                {},
                Since::whole_report,
                [](const Guest& guest) { return guest.report.paged_out; }},
    GuestMetric{figures::came_back, "times that pages were used after they had gone out", Since::whole_report,
                [](const Guest& guest) { return guest.report.came_back; }},
    GuestMetric{figures::hold_times, "how long it was held", Since::whole_report, nullptr},
    GuestMetric{
        figures::hold_max, {}, Since::report, [](const Guest& guest) { return guest.report.hold_max_us; }},
    GuestMetric{figures::merge_cpu, "processor time of its agent", Since::whole_report,
                [](const Guest& guest) { return guest.report.merge_cpu_us; }},
    GuestMetric{
        figures::errors, {}, Since::whole_report, [](const Guest& guest) { return guest.report.errors; }},
};

constexpr Figure guests_in_all{"guests", "", Unit::count, Kind::gauge, "guests that the daemon knows"};
constexpr Figure domains_in_all{"domains", "", Unit::count, Kind::gauge, "domains that have guests"};
constexpr Figure host_shortage{"shortage_us", "", Unit::microseconds, Kind::gauge,
                               "how long the daemon has been short of the resource; 0: it is not"};
constexpr Figure guest_shortage{"shortage_us", "", Unit::microseconds, Kind::gauge,
                                "how long its agent has been short of the resource; absent: it is not"};
constexpr Figure user_held{"held_bytes", "", Unit::bytes, Kind::gauge, "what the user makes the daemon hold"};
constexpr Figure user_limit{"limit_bytes", "", Unit::bytes, Kind::gauge,
                            "what the user may make the daemon hold"};
constexpr Figure user_refusals{"refusals", "", Unit::count, Kind::counter,
                               "what was not merged or let in because of the user's limit"};

// Prometheus has names of its own for these.
MetricFamily build() {
  return {"samepage_build", "the daemon's version", "", MetricType::info};
}
MetricFamily process_cpu() {
  return {"process_cpu_seconds", "processor time of the daemon's process", "seconds", MetricType::counter};
}
MetricFamily process_resident() {
  return {"process_resident_memory_bytes", "resident memory of the daemon's process", "bytes",
          MetricType::gauge};
}
MetricFamily process_start() {
  return {"process_start_time_seconds", "when the daemon started, since 1970", "seconds", MetricType::gauge};
}

constexpr std::string_view domain_labels = "uid, domain";
constexpr std::string_view guest_labels = "uid, domain, guest";

// Without it there would be one figure twice, under other names.
bool is_process_metric(const Figure& figure) {
  return figure.key == "daemon_cpu_us";
}

bool is_told(const Figure& figure) {
  return figure.key != "kernel_bytes" && figure.unit != Unit::structure &&
         !is_process_metric(figure);  // the first needs what guests' processes know
}

// Tables have the title beside the help.
MetricFamily host_family(const Figure& figure) {
  const std::string both = fmt::format("{}: {}", figure.title, figure.help);
  return family_of("", figure, figure.title.empty() ? figure.help : std::string_view(both));
}

// --- Labels.

std::string labels_of(uid_t uid, std::string_view domain) {
  return label("uid", std::to_string(uid)) + "," + label("domain", domain);
}

// Several guests of one domain may have one name, in several runtime directories, or because somebody wants
// it so. Two metrics may not have the same labels: the others get a number, in the order in which they are.
std::vector<std::string> labels_of(const std::vector<Guest>& guests) {
  std::map<std::tuple<uid_t, std::string_view, std::string_view>, unsigned> seen;
  std::vector<std::string> labels;
  labels.reserve(guests.size());
  for (const Guest& guest : guests) {
    const unsigned before = seen[{guest.uid, guest.domain, guest.name}]++;
    const std::string name = before == 0 ? guest.name : fmt::format("{}#{}", guest.name, before + 1);
    labels.push_back(labels_of(guest.uid, guest.domain) + "," + label("guest", name));
  }
  return labels;
}

// --- Values.

std::string value_text(const Figure& figure, std::uint64_t value) {
  return figure.unit == Unit::microseconds ? seconds_text(value) : decimal(value);
}

HoldTimes hold_times_of(const json& told) {
  HoldTimes times;
  if (!told.is_object()) return times;
  const json holds = told.value("holds", json::array());
  for (std::size_t i = 0; i < HoldTimes::buckets && i < holds.size(); ++i) times.holds.at(i) = holds[i];
  times.sum_us = told.value("sum", std::uint64_t{0});
  return times;
}

std::string resource_label(Resource what) {
  return label("resource", name_of(what));
}

std::string lasting_text(const ShortageFigure& shortage) {
  return seconds_text(static_cast<std::uint64_t>(shortage.lasts.count()) * 1000);
}

void add_shortages(MetricText& text, const std::vector<ShortageFigure>& shortages) {
  text.begin(family_of("", host_shortage));
  for (const Resource what : all_resources()) {
    const auto found = std::find_if(shortages.begin(), shortages.end(),
                                    [&](const ShortageFigure& one) { return one.what == what; });
    text.sample(resource_label(what), found == shortages.end() ? seconds_text(0) : lasting_text(*found));
  }
}

void add_host(MetricText& text, const MetricsSnapshot& snapshot) {
  for (const Figure& figure : host_figures()) {
    const auto value = snapshot.host.find(figure.key);
    if (!is_told(figure) || value == snapshot.host.end()) continue;
    text.begin(host_family(figure));
    if (figure.kind == Kind::histogram) {
      text.sample("", hold_times_of(*value));
    } else if (figure.unit == Unit::text) {
      text.sample(label(figure.key, value->get<std::string>()), "1");
    } else if (figure.unit == Unit::signed_bytes) {
      text.sample("", fmt::format_int(value->get<std::int64_t>()).c_str());
    } else {
      text.sample("", value_text(figure, value->get<std::uint64_t>()));
    }
  }
  add_shortages(text, snapshot.shortages);
  text.begin(family_of("", guests_in_all));
  text.sample("", decimal(snapshot.guests_in_all));
  text.begin(family_of("", domains_in_all));
  text.sample("", decimal(snapshot.domains_in_all));
}

void add_domains(MetricText& text, const std::vector<Domain>& domains) {
  for (const auto& [figure, value] : domain_metrics) {
    text.begin(family_of("domain_", figure));
    for (const Domain& domain : domains)
      text.sample(labels_of(domain.uid, domain.label), decimal(domain.*value));
  }
}

bool is_reported(const Guest& guest, Since since) {
  if (since == Since::hello) return true;
  const bool whole = guest.report.ram_pages != 0;
  return since == Since::whole_report ? whole : whole || guest.report.passes != 0;
}

void add_guests(MetricText& text, const std::vector<Guest>& guests) {
  const std::vector<std::string> labels = labels_of(guests);
  for (const GuestMetric& metric : guest_metrics) {
    text.begin(family_of("guest_", metric.figure, metric.help));
    for (std::size_t i = 0; i < guests.size(); ++i) {
      if (!is_reported(guests[i], metric.since)) continue;
      if (metric.value == nullptr) {
        text.sample(labels[i], guests[i].report.hold_times);
      } else {
        text.sample(labels[i], value_text(metric.figure, metric.value(guests[i])));
      }
    }
  }
  text.begin(family_of("guest_", guest_shortage));
  for (std::size_t i = 0; i < guests.size(); ++i) {
    for (const ShortageFigure& shortage : guests[i].shortages)
      text.sample(labels[i] + "," + resource_label(shortage.what), lasting_text(shortage));
  }
}

void add_users(MetricText& text, const std::vector<MetricsSnapshot::User>& users) {
  const auto add = [&](const Figure& figure, const auto& value_of) {
    text.begin(family_of("user_", figure));
    for (const auto& user : users) {
      if (const std::optional<std::uint64_t> value = value_of(user)) {
        text.sample(label("uid", std::to_string(user.uid)), decimal(*value));
      }
    }
  };
  using User = MetricsSnapshot::User;
  add(user_held, [](const User& user) { return std::optional(user.bytes); });
  add(user_limit, [](const User& user) { return user.limit; });
  add(user_refusals, [](const User& user) { return std::optional(user.refusals); });
}

void add_process(MetricText& text, const MetricsSnapshot::Process& process) {
  text.begin(build());
  text.sample(label("version", process.version), "1");
  text.begin(process_cpu());
  text.sample("", seconds_text(process.cpu_us));
  text.begin(process_resident());
  text.sample("", decimal(process.resident_bytes));
  text.begin(process_start());
  text.sample("", seconds_text(process.started_us));
}

}  // namespace

std::vector<KnownMetric> known_metrics() {
  std::vector<KnownMetric> known;
  for (const Figure& figure : host_figures()) {
    if (is_told(figure)) known.push_back({host_family(figure), figure.unit == Unit::text ? figure.key : ""});
  }
  known.push_back({family_of("", host_shortage), "resource"});
  for (const Figure& figure : {guests_in_all, domains_in_all}) known.push_back({family_of("", figure), ""});
  for (const auto& [figure, value] : domain_metrics) {
    known.push_back({family_of("domain_", figure), domain_labels});
  }
  for (const GuestMetric& metric : guest_metrics) {
    known.push_back({family_of("guest_", metric.figure, metric.help), guest_labels});
  }
  known.push_back({family_of("guest_", guest_shortage), "uid, domain, guest, resource"});
  for (const Figure& figure : {user_held, user_limit, user_refusals}) {
    known.push_back({family_of("user_", figure), "uid"});
  }
  known.push_back({build(), "version"});
  for (const MetricFamily& family : {process_cpu(), process_resident(), process_start()})
    known.push_back({family, ""});
  return known;
}

std::string metrics_text(const MetricsSnapshot& snapshot, MetricFormat format) {
  MetricText text(format);
  add_host(text, snapshot);
  add_domains(text, snapshot.domains);
  add_guests(text, snapshot.guests);
  add_users(text, snapshot.users);
  add_process(text, snapshot.process);
  return text.finish();
}

}  // namespace samepage::dedup
