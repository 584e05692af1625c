// SPDX-License-Identifier: Apache-2.0
// `samepage map`, `logs` and `dump`: what is in a guest.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>

#include "base/standard_output.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/ended.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/guest_writes.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/output_file.hpp"
#include "manage/cli/table.hpp"
#include "manage/guests/snapshot.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/line_watch.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

std::string state_text(const json& run) {
  std::string state = run.value("state", "");
  if (state != "frame") return state;
  const std::uint64_t first = number(run, "frame");
  const std::uint64_t pages = number(run, "pages");
  return pages == 1 ? fmt::format("frame {}", first) : fmt::format("frame {}-{}", first, first + pages - 1);
}

std::string map_table(const json& runs) {
  Table table(
      {{"GFN", Align::right}, {"LAST", Align::right}, {"PAGES", Align::right}, {"RIGHTS"}, {"STATE"}});
  for (const json& run : runs) {
    const std::uint64_t first = number(run, "gfn");
    const std::uint64_t pages = number(run, "pages");
    table.add_row({fmt::format("{:#x}", first), fmt::format("{:#x}", first + pages - 1),
                   std::to_string(pages), run.value("rights", ""), state_text(run)});
  }
  return table.render();
}

// How long a process may take to be gone after it has closed its sockets.
constexpr int longest_death_ms = 2000;

int show_output(json guest, const std::string& output, Format format) {
  if (format == Format::text) return print_text(output);
  guest["output"] = output;
  return print_json(guest);
}

int map(const std::string& guest, Format format) {
  const json runs = json::parse(ask_guest(guest, {{"do", "map"}}).data, nullptr, false);
  if (!runs.is_array()) throw UserError("guest '" + guest + "' gave no page map; is it of another version?");
  return format == Format::json ? print_json(runs) : print_text(map_table(runs));
}

// Of a guest that has ended: what it printed last, and how it ended.
int logs(const std::string& guest, Format format) {
  if (const std::optional<GuestConnection> live = find_guest(guest)) {
    std::optional<vmm::ControlAnswer> answer = vmm::ask(live->socket.get(), {{"do", "logs"}}, {},
                                                        std::chrono::steady_clock::now() + answer_patience);
    if (answer || !live->process.ends_within(longest_death_ms)) {
      return show_output({{"name", guest}, {"state", "running"}},
                         accepted_answer(*live, std::move(answer)).data, format);
    }
  }
  const std::optional<vmm::GuestRecord> record = vmm::GuestRecords::of_this_user().find(guest);
  if (!record) {
    connect_guest(guest);  // says that there is none, unless it was started just now
    return logs(guest, format);
  }
  show_output(end_json(*record), record->output, format);
  if (format == Format::json) return exit_ok;
  vmm::LineWatch lines;
  lines.saw(record->output);
  complain(fmt::format("{}samepage: guest {} {}", lines.gap(STDOUT_FILENO, STDERR_FILENO), guest,
                       end_text(*record, vmm::now_in_seconds())));
  return exit_ok;
}

// `file` of "-" is standard output.
int dump(const std::string& guest, const std::string& file) {
  const GuestConnection connection = connect_guest(guest);
  OutputFile output(file, S_IRUSR | S_IWUSR);  // what a guest has in memory is its user's business
  let_guest_write(connection, {{"do", "dump"}}, std::array{output.fd()}, output.signals());
  output.commit();
  return exit_ok;
}

struct Inspected {
  std::string guest;
  std::string file;
  Format format = Format::text;
};

}  // namespace

void add_inspection(const Command& program) {
  const auto what = std::make_shared<Inspected>();
  const Command of_map =
      program.add("map", "Show which pages of a guest are its own, frames, zero or untouched");
  add_guest(of_map, what->guest);
  add_json(of_map, what->format);
  of_map.runs([what] { return map(what->guest, what->format); });

  const Command of_logs =
      program.add("logs", "Print the last 16 KiB of a guest's console, also when it has ended");
  add_guest(of_logs, what->guest);
  add_json(of_logs, what->format);
  of_logs.runs([what] { return logs(what->guest, what->format); });

  const Command of_dump = program.add(
      "dump", "Write a guest's RAM to a file: each page at its address, untouched and zero ones as holes");
  add_guest(of_dump, what->guest);
  of_dump.text({"FILE", "", "Where to; a file is replaced when all is written; '-' is standard output"},
               what->file, check_file, Needed::yes);
  of_dump.runs([what] { return dump(what->guest, what->file); });
}

}  // namespace samepage::cli
