// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/guest_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>

#include <cerrno>
#include <system_error>

#include "base/check.hpp"
#include "base/poll_timeout.hpp"
#include "manage/cli/ended.hpp"
#include "manage/guests/roll_call.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

std::string who_runs(const vmm::GuestRegistry& registry) {
  std::vector<std::string> live;
  for (const std::string& name : registry.names()) {
    if (guests::guest_lives(registry, name)) live.push_back(name);
  }
  if (live.empty()) return "no guest is running; start one with 'samepage run'";
  return fmt::format("running: {}", fmt::join(live, ", "));
}

std::string no_answer(const std::string& name, const std::string& pid) {
  return fmt::format("guest '{0}'{1} does not answer; 'samepage kill {0}' ends it", name, pid);
}

}  // namespace

GuestConnection connect_guest(const std::string& name) {
  try {
    if (std::optional<GuestConnection> guest = find_guest(name)) return std::move(*guest);
  } catch (const std::system_error& error) {
    if (guests::does_not_take_callers(error)) throw UserError(no_answer(name, ""));
    throw;
  }
  if (const auto record = vmm::GuestRecords::of_this_user().find(name)) {
    throw UserError(fmt::format("guest '{0}' {1}; 'samepage logs {0}' shows what it printed last", name,
                                end_text(*record, vmm::now_in_seconds())));
  }
  throw UserError(
      fmt::format("there is no guest '{}'; {}", name, who_runs(vmm::GuestRegistry::of_this_user())));
}

vmm::ControlAnswer ask_guest(const GuestConnection& guest, const json& request, std::span<const int> fds,
                             vmm::Deadline deadline) {
  return accepted_answer(guest, vmm::ask(guest.socket.get(), request, fds, deadline));
}

vmm::ControlAnswer accepted_answer(const GuestConnection& guest, std::optional<vmm::ControlAnswer> answer) {
  if (!answer) throw UserError(no_answer(guest.name, fmt::format(" (pid {})", guest.pid)));
  if (!answer->body.value("ok", false)) {
    throw UserError(fmt::format("guest '{}' refuses: {}", guest.name,
                                answer->body.value("error", "it does not say why")));
  }
  answer->body.erase("ok");
  return std::move(*answer);
}

vmm::ControlAnswer ask_guest(const std::string& name, const json& request) {
  return ask_guest(connect_guest(name), request);
}

std::vector<json> ask_all_guests(const json& request) {
  guests::RollCall call(vmm::GuestRegistry::of_this_user(), request);
  call.call();
  const Clock::time_point deadline = Clock::now() + guests::snapshot_patience;
  for (call.receive(); !call.complete() && Clock::now() < deadline; call.receive()) {
    std::vector<pollfd> waits;
    call.add_waits(waits);
    if (::poll(waits.data(), waits.size(), poll_timeout(deadline)) < 0 && errno != EINTR) {
      throw_errno("poll of the guests");
    }
  }
  return call.answers();
}

}  // namespace samepage::cli
