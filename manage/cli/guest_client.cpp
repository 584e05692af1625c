// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/guest_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/poll_timeout.hpp"
#include "manage/cli/ended.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience_with_all{5};

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
  const vmm::GuestRegistry registry = vmm::GuestRegistry::of_this_user();
  struct Guest {
    json silent;  // what is said of it when it does not answer
    UniqueFd socket;
  };
  std::vector<Guest> guests;
  std::vector<int> sockets;
  for (const std::string& name : registry.names()) {
    Guest guest{{{"name", name}, {"state", "not answering"}}, {}};
    try {
      guest.socket = registry.connect(name);
      if (!guest.socket) continue;
      guest.silent["pid"] = peer_of(guest.socket.get()).pid;
    } catch (const std::system_error& error) {
      if (!guests::does_not_take_callers(error)) throw;
    }
    sockets.push_back(guest.socket.get());
    guests.push_back(std::move(guest));
  }
  std::vector<Asked> asked = ask_together(sockets, request, Clock::now() + patience_with_all);
  std::vector<json> answers;
  for (std::size_t i = 0; i < guests.size(); ++i) {
    if (asked[i].answer && asked[i].answer->body.value("ok", false)) {
      asked[i].answer->body.erase("ok");
      answers.push_back(std::move(asked[i].answer->body));
    } else if (!asked[i].gone || !guests[i].socket) {  // one that ended just now is no news
      answers.push_back(std::move(guests[i].silent));
    }
  }
  return answers;
}

}  // namespace samepage::cli
