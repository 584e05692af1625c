// SPDX-License-Identifier: Apache-2.0
// `samepage pause`, `resume`, `stop` and `kill`: one request to each named guest.
#include <fmt/format.h>

#include <csignal>
#include <optional>

#include "base/check.hpp"
#include "vmm/cli/commands.hpp"
#include "vmm/cli/guest_client.hpp"
#include "vmm/control/guest_record.hpp"
#include "vmm/control/registry.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

constexpr int longest_stop_ms = 10'000;
constexpr int longest_kill_ms = 60'000;

int tell_all(const std::vector<std::string>& guests, const char* verb) {
  for (const std::string& name : guests) ask_guest(name, {{"do", verb}});
  return exit_ok;
}

// Its process could not say how it ended.
void note_kill(const std::string& name) {
  const vmm::GuestRecords records = vmm::GuestRecords::of_this_user();
  std::optional<vmm::GuestRecord> record = records.find(name);
  if (!record || record->end) return;
  record->end = {vmm::now_in_seconds(), exit_by_signal(SIGKILL), "killed", "'samepage kill'"};
  records.put(*record);
}

}  // namespace

int pause(const std::vector<std::string>& guests) {
  return tell_all(guests, "pause");
}

int resume(const std::vector<std::string>& guests) {
  return tell_all(guests, "resume");
}

int balloon(const std::string& guest, std::uint64_t bytes) {
  ask_guest(guest, {{"do", "balloon"}, {"bytes", bytes}});
  return exit_ok;
}

int stop(const std::vector<std::string>& guests) {
  std::vector<GuestConnection> connections;
  connections.reserve(guests.size());
  for (const std::string& name : guests) connections.push_back(connect_guest(name));
  for (const GuestConnection& guest : connections) ask_guest(guest, {{"do", "stop"}});
  for (const GuestConnection& guest : connections) {
    if (guest.process.ends_within(longest_stop_ms)) continue;
    throw UserError(
        fmt::format("guest '{0}' (pid {1}) has not stopped within {2} s; 'samepage kill {0}' ends it",
                    guest.name, guest.pid, longest_stop_ms / 1000));
  }
  return exit_ok;
}

int kill(const std::vector<std::string>& guests) {
  const vmm::GuestRegistry registry = vmm::GuestRegistry::of_this_user();
  for (const std::string& name : guests) {
    const GuestConnection guest = connect_guest(name);
    guest.process.signal(SIGKILL);
    if (!guest.process.ends_within(longest_kill_ms)) {
      throw UserError(
          fmt::format("guest '{}' (pid {}) does not end: it waits for the kernel", name, guest.pid));
    }
    registry.prune(name);
    note_kill(name);
  }
  return exit_ok;
}

}  // namespace samepage::cli
