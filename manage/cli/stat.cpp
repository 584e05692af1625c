// SPDX-License-Identifier: Apache-2.0
// `samepage stat`: what merging saves and costs, of the host or of one guest.
#include <fmt/format.h>

#include <memory>

#include "base/standard_output.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/snapshot.hpp"
#include "manage/cli/table.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

std::string count_of(const json& object, const char* key) {
  return std::to_string(number(object, key));
}

std::string size_of(const json& object, const char* key) {
  return format_size(number(object, key));
}

std::string host_table(const json& host) {
  Table table({{""}, {"", Align::right}, {""}});
  const auto add_count = [&](const char* title, const char* key, const char* meaning) {
    table.add_row({title, count_of(host, key), meaning});
  };
  add_count("pages shared", "pages_shared", "frames that guests map");
  add_count("pages sharing", "pages_sharing", "further mappings of them: pages saved");
  add_count("pages unshared", "pages_unshared", "quiet, but nobody else has them");
  add_count("pages volatile", "pages_volatile", "written too often to be looked at");
  add_count("zero pages", "zero_pages", "given back");
  add_count("breaks", "breaks", "shared pages that a guest wrote");
  add_count("full scans", "full_scans", "passes over all guests");
  table.add_row({"saved", size_of(host, "saved_bytes"), "pages sharing and zero pages"});
  table.add_row({"overhead", size_of(host, "overhead_bytes"), "what merging itself needs"});
  table.add_row({"net saved", format_signed_size(host.value("net_saved_bytes", std::int64_t{0})),
                 "saved less overhead"});
  table.add_row({"kernel's figure", size_of(host, "kernel_bytes"),
                 "Pss_Anon of VMMs and daemon, blocks of the stores"});
  table.add_row({"longest stop", count_of(host, "stop_max_us") + " us", "that any guest saw"});
  table.add_row({"tracker", host.value("tracker", "none"), "how written pages are found"});
  return table.render();
}

std::string short_size_of(const json& object, const char* key) {
  return format_short_size(number(object, key));
}

// At most 80 columns with names of up to 17 characters: what is left out, `ps` and `stat GUEST` show.
std::string guests_table(const std::vector<json>& guests) {
  Table table({{"NAME"},
               {"STATE"},
               {"RAM", Align::right},
               {"PRIVATE", Align::right},
               {"SHARED", Align::right},
               {"ZERO", Align::right},
               {"UNTOUCHED", Align::right},
               {"BREAKS", Align::right}});
  for (const json& guest : guests) {
    if (!guest.contains("ram_bytes")) {  // it does not answer
      std::vector<std::string> cells{guest.value("name", ""), guest.value("state", "")};
      cells.resize(8, "-");
      table.add_row(std::move(cells));
      continue;
    }
    table.add_row({guest.value("name", ""), guest.value("state", ""), short_size_of(guest, "ram_bytes"),
                   short_size_of(guest, "private_bytes"), short_size_of(guest, "shared_bytes"),
                   short_size_of(guest, "zero_bytes"), short_size_of(guest, "untouched_bytes"),
                   count_of(guest, "breaks")});
  }
  return table.render();
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
  for (const char* key : {"name", "domain", "state", "image"}) table.add_row({key, guest.value(key, "")});
  for (const char* key : {"pid", "cpus"}) table.add_row({key, count_of(guest, key)});
  table.add_row({"uptime", format_uptime(guest.value("uptime_s", 0.0))});
  table.add_row({"daemon", guest.value("connected", false) ? "connected" : "not connected"});
  table.add_row({"ram", size_of(guest, "ram_bytes")});
  table.add_row({"  private", size_of(guest, "private_bytes")});
  table.add_row({"    in swap", size_of(guest, "swapped_bytes")});
  table.add_row({"  shared", size_of(guest, "shared_bytes")});
  table.add_row({"  zero", size_of(guest, "zero_bytes")});
  table.add_row({"  untouched", size_of(guest, "untouched_bytes")});
  table.add_row(
      {"pss-anon", size_of(guest, "pss_anon_bytes") + " (the kernel's figure of the whole process)"});
  table.add_row({"page tables", size_of(guest, "page_table_bytes")});
  table.add_row({"vmas", count_of(guest, "vmas")});
  for (const char* key : {"passes", "merges", "breaks"}) table.add_row({key, count_of(guest, key)});
  table.add_row({"failed merges", count_of(guest, "failed_merges") + " (pages that had changed)"});
  table.add_row({"stops", count_of(guest, "stops")});
  table.add_row({"longest stop", count_of(guest, "stop_max_us") + " us"});
  if (guest.contains("balloon")) add_balloon(table, guest["balloon"]);
  return table.render();
}

struct StatOptions {
  std::string guest;  // empty: the host and all guests
  Format format = Format::text;
};

int stat(const StatOptions& options) {
  if (!options.guest.empty()) {
    const json figures = ask_guest(options.guest, {{"do", "stat"}}).body;
    return options.format == Format::json ? print_json(figures) : print_text(guest_table(figures));
  }
  const Snapshot snapshot = take_snapshot();
  if (snapshot.daemon == DaemonState::absent) {
    complain("samepage: no daemon answers, so nothing is merged now and the host figures are 0");
  }
  if (snapshot.daemon == DaemonState::hangs) {
    complain(fmt::format("samepage: {}; until then the host figures are 0", snapshot.problem));
  }
  if (options.format == Format::json) return print_json(snapshot.to_json());
  return print_text(host_table(snapshot.host) + "\n" + guests_table(snapshot.guests));
}

}  // namespace

void add_stat(const Command& program) {
  const Command command = program.add("stat", "Show what merging saves and costs, of all or of one guest");
  const auto options = std::make_shared<StatOptions>();
  add_guest(command, options->guest, Needed::no);
  add_json(command, options->format);
  command.runs([options] { return stat(*options); });
}

}  // namespace samepage::cli
