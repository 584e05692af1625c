// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/ended.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/table.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

std::string ago(std::int64_t at, std::int64_t now) {
  return format_uptime(static_cast<double>(std::max<std::int64_t>(now - at, 0)));
}

}  // namespace

std::string end_text(const vmm::GuestRecord& record, std::int64_t now) {
  const vmm::GuestRecord::End end = record.how_it_ended();
  std::string text = "has ended";
  if (end.at != 0) text += fmt::format(" {} ago, with exit code {}", ago(end.at, now), end.exit_code);
  return end.reason.empty() ? text : text + ": " + end.reason;
}

json end_json(const vmm::GuestRecord& record) {
  const vmm::GuestRecord::End end = record.how_it_ended();
  return {{"name", record.name},
          {"pid", record.pid},
          {"domain", record.domain},
          {"state", "ended"},
          {"cpus", record.cpus},
          {"ram_bytes", record.ram_bytes},
          {"uptime_s", end.at == 0 ? json() : json(std::max<std::int64_t>(end.at - record.started_at, 0))},
          {"image", record.image},
          {"started_at", record.started_at},
          {"ended_at", end.at == 0 ? json() : json(end.at)},
          {"exit_code", end.exit_code},
          {"how", end.how},
          {"reason", end.reason}};
}

std::vector<vmm::GuestRecord> ended_guests(const std::vector<json>& live) {
  std::set<std::string> names;
  for (const json& guest : live) names.insert(guest.value("name", ""));
  std::vector<vmm::GuestRecord> records = vmm::GuestRecords::of_this_user().all();
  // Asking takes a while: one without an end may be of a guest that has started since.
  std::erase_if(records, [&](const vmm::GuestRecord& record) {
    return names.contains(record.name) || (!record.end && guest_lives(record.name));
  });
  return records;
}

std::string ended_table(const std::vector<vmm::GuestRecord>& records, std::int64_t now) {
  if (records.empty()) return {};
  Table table({{"NAME"}, {"ENDED"}, {"HOW"}, {"CODE", Align::right}, {"RAN", Align::right}, {"IMAGE"}});
  for (const vmm::GuestRecord& record : records) {
    const vmm::GuestRecord::End end = record.how_it_ended();
    table.add_row({record.name, end.at == 0 ? "?" : ago(end.at, now) + " ago", end.how,
                   std::to_string(end.exit_code), end.at == 0 ? "?" : ago(record.started_at, end.at),
                   record.image});
  }
  return table.render();
}

}  // namespace samepage::cli
