// SPDX-License-Identifier: Apache-2.0
// `samepage ps`: who runs.
#include <fmt/format.h>

#include <memory>

#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/ended.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/table.hpp"
#include "manage/guests/snapshot.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

enum class Listed : std::uint8_t { running, all };

struct PsOptions {
  Listed listed = Listed::running;
  Format format = Format::text;
};

int ps(const PsOptions& options) {
  std::vector<nlohmann::json> guests = ask_all_guests({{"do", "ps"}});
  const std::vector<vmm::GuestRecord> ended =
      options.listed == Listed::all ? ended_guests(guests) : std::vector<vmm::GuestRecord>{};
  if (options.format == Format::json) {
    for (const vmm::GuestRecord& record : ended) guests.push_back(end_json(record));
    return print_json(guests);
  }
  Table table({{"NAME"},
               {"PID", Align::right},
               {"DOMAIN"},
               {"STATE"},
               {"CPUS", Align::right},
               {"MEM", Align::right},
               {"UPTIME", Align::right},
               {"IMAGE"}});
  for (const nlohmann::json& guest : guests) {
    if (!guest.contains("image")) {  // it does not answer
      const std::string pid = guest.contains("pid") ? std::to_string(number(guest, "pid")) : "-";
      table.add_row({guest.value("name", ""), pid, "-", guest.value("state", ""), "-", "-", "-", "-"});
      continue;
    }
    table.add_row({guest.value("name", ""), std::to_string(number(guest, "pid")), guest.value("domain", ""),
                   guest.value("state", ""), std::to_string(number(guest, "cpus")),
                   format_size(number(guest, "ram_bytes")), format_uptime(guest.value("uptime_s", 0.0)),
                   guest.value("image", "")});
  }
  return print_text(table.render() + (ended.empty() ? "" : "\n") + ended_table(ended, vmm::now_in_seconds()));
}

}  // namespace

void add_ps(const Command& program) {
  const Command command = program.add("ps", "List the guests that run");
  const auto options = std::make_shared<PsOptions>();
  command.flag("-a,--all", "Those, too, that were detached and have ended",
               [options] { options->listed = Listed::all; });
  add_json(command, options->format);
  command.runs([options] { return ps(*options); });
}

}  // namespace samepage::cli
