// SPDX-License-Identifier: Apache-2.0
// `samepage stat`: what merging saves and costs, of the host or of one guest.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include "base/poll_timeout.hpp"
#include "base/standard_output.hpp"
#include "base/units.hpp"
#include "dedup/host_figures.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/table.hpp"
#include "manage/cli/user_quota.hpp"
#include "manage/guests/figures.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/guests/shortages.hpp"
#include "manage/guests/snapshot.hpp"
#include "vmm/control/guest_figures.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

// Where a person can look for more than figures; another user's daemon does not tell.
void add_places(Table& table, const json& daemon) {
  if (!daemon.is_object()) return;
  if (const std::string log = daemon.value("log", ""); !log.empty()) table.add_row({"log", "", log});
  for (const json& place : daemon.value("metrics", json::array())) {
    table.add_row({"metrics", "", place.get<std::string>()});
  }
}

// Of users for whom the daemon's policy has a rule.
void add_quotas(Table& table, const json& daemon) {
  if (!daemon.is_object()) return;
  for (const json& user : daemon.value("users", json::array())) {
    if (!has_quota(user)) continue;
    table.add_row({"user", std::to_string(number(user, "uid")), quota_text(user)});
  }
}

std::string host_table(const json& host, const json& daemon) {
  Table table({{""}, {"", Align::right}, {""}});
  for (const Figure& figure : dedup::host_figures()) {
    if (figure.title.empty()) continue;
    table.add_row({std::string(figure.title), guests::text_of(figure, host), std::string(figure.help)});
  }
  add_quotas(table, daemon);
  for (const guests::ShortageText& text : guests::shortage_texts(host))
    table.add_row({"short of", text.what, text.how});
  if (const std::uint64_t missing = number(host, "uncovered_bytes"); missing > 0)
    table.add_row({"not covered", format_size(missing), "of it: end guests, raise limits, tune overcommit="});
  add_places(table, daemon);
  return table.render();
}

std::string size_of(const json& object, const char* key) {
  return format_size(number(object, key));
}

std::string short_size_of(const json& object, const char* key) {
  return format_short_size(number(object, key));
}

// At most 80 columns with names of up to 17 characters: what is left out, `ps` and `stat GUEST` show.
std::string guests_table(const std::vector<json>& all) {
  Table table({{"NAME"},
               {"STATE"},
               {"RAM", Align::right},
               {"PRIVATE", Align::right},
               {"SHARED", Align::right},
               {"ZERO", Align::right},
               {"UNTOUCHED", Align::right},
               {"BREAKS", Align::right}});
  for (const json& guest : all) {
    if (!guest.contains("ram_bytes")) {  // it does not answer
      std::vector<std::string> cells{guest.value("name", ""), guest.value("state", "")};
      cells.resize(8, "-");
      table.add_row(std::move(cells));
      continue;
    }
    table.add_row({guest.value("name", ""), guest.value("state", ""), short_size_of(guest, "ram_bytes"),
                   short_size_of(guest, "private_bytes"), short_size_of(guest, "shared_bytes"),
                   short_size_of(guest, "zero_bytes"), short_size_of(guest, "untouched_bytes"),
                   std::to_string(number(guest, "breaks"))});
  }
  std::string text = table.render();
  for (const json& guest : all) {
    const std::string line = guests::shortage_line(guest);
    if (!line.empty()) text += fmt::format("{} is short of: {}\n", guest.value("name", ""), line);
  }
  return text;
}

void add_balloon(Table& table, const json& balloon) {
  table.add_row({"balloon", size_of(balloon, "actual_bytes") + " of " + size_of(balloon, "target_bytes") +
                                " asked for"});
  table.add_row({"  reported free", size_of(balloon, "reported_bytes") + " since the guest started"});
  const json said = balloon.value("guest", json::object());
  for (const auto& [key, text] : {std::pair{"total_bytes", "  guest's total"},
                                  {"free_bytes", "  guest's free"},
                                  {"available_bytes", "  guest's available"},
                                  {"cache_bytes", "  guest's cache"}}) {
    if (said.contains(key)) table.add_row({text, size_of(said, key)});
  }
}

std::string guest_table(const json& guest) {
  Table table({{""}, {""}});
  for (const auto& [figure, value, told] : vmm::guest_figures()) {
    if (figure.title.empty()) continue;
    // A name explains itself.
    const bool is_name = told == vmm::Told::brief && figure.unit == Unit::text;
    const bool explained = is_name || figure.unit == Unit::yes_or_no;
    table.add_row({std::string(figure.title),
                   guests::text_of(figure, guest) + (explained ? "" : fmt::format(" ({})", figure.help))});
  }
  if (guest.contains("kept_out")) table.add_row({"kept out", guest["kept_out"].get<std::string>()});
  if (const std::string line = guests::shortage_line(guest); !line.empty()) table.add_row({"short of", line});
  if (guest.contains("balloon")) add_balloon(table, guest["balloon"]);
  return table.render();
}

struct StatOptions {
  std::string guest;  // empty: the host and all guests
  Format format = Format::text;
  std::chrono::milliseconds watch{0};  // 0: once
};

// Beside the figures, not instead of them.
void note_daemon(const Snapshot& snapshot) {
  if (snapshot.daemon == guests::DaemonState::absent) {
    complain("samepage: no daemon answers, so nothing is merged now and the host figures are 0");
  }
  if (snapshot.daemon == guests::DaemonState::hangs) {
    complain(fmt::format("samepage: {}; until then the host figures are 0", snapshot.problem));
  }
}

// `json_format` writes one sample.
std::string text_of_guest(const std::string& guest, Format format, std::string (*json_format)(const json&)) {
  const json figures = ask_guest(guest, {{"do", "stat"}}).body;
  return format == Format::json ? json_format(figures) : guest_table(figures);
}

std::string text_of_all(const Snapshot& snapshot, Format format, std::string (*json_format)(const json&)) {
  if (format == Format::json) return json_format(snapshot.to_json());
  return host_table(snapshot.host, snapshot.about_daemon) + "\n" + guests_table(snapshot.guests);
}

int stat(const StatOptions& options) {
  if (!options.guest.empty()) return print_text(text_of_guest(options.guest, options.format, json_text));
  const Snapshot snapshot = take_snapshot();
  note_daemon(snapshot);
  return print_text(text_of_all(snapshot, options.format, json_text));
}

// What precedes a sample: on a terminal an empty screen, elsewhere a line that tells one from the next.
std::string before_sample(const StatOptions& options) {
  if (options.format == Format::json) return {};
  constexpr const char* empty_screen = "\033[H\033[2J";
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{}{:%Y-%m-%d %H:%M:%S}\n\n", ::isatty(STDOUT_FILENO) == 1 ? empty_screen : "",
                     fmt::localtime(now));
}

// Until a signal ends it, or the guest.
[[noreturn]] void watch(const StatOptions& options) {
  const vmm::StopSignals signals;
  guests::Sampler sampler;
  for (guests::DaemonState noted = guests::DaemonState::answers;;) {
    const auto next = std::chrono::steady_clock::now() + options.watch;
    std::string text;
    if (options.guest.empty()) {
      const std::optional<Snapshot> snapshot = sampler.sample(guests::snapshot_patience, signals.fd());
      if (!snapshot) throw Interrupted{signals.take()};
      text = text_of_all(*snapshot, options.format, json_line);
      if (std::exchange(noted, snapshot->daemon) != snapshot->daemon) note_daemon(*snapshot);
    } else {
      text = text_of_guest(options.guest, options.format, json_line);
    }
    const std::string gap = options.format == Format::text ? "\n" : "";
    print_text(before_sample(options) + text + gap, signals);
    pollfd wait{signals.fd(), POLLIN, 0};
    while (std::chrono::steady_clock::now() < next) {
      if (::poll(&wait, 1, poll_timeout(next)) > 0) throw Interrupted{signals.take()};
    }
  }
}

}  // namespace

void add_stat(const Command& program) {
  const Command command = program.add("stat", "Show what merging saves and costs, of all or of one guest");
  const auto options = std::make_shared<StatOptions>();
  add_guest(command, options->guest, Needed::no);
  add_interval(command, "--watch", options->watch, "Again and again, this long after the last time");
  add_json(command, options->format);
  command.runs([options] { return options->watch.count() > 0 ? (watch(*options), 0) : stat(*options); });
}

}  // namespace samepage::cli
