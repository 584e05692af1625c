// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/guest_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <optional>
#include <system_error>

#include "base/framing.hpp"
#include "vmm/cli/ended.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

std::string who_runs(const vmm::GuestRegistry& registry) {
  std::vector<std::string> live;
  for (const std::string& name : registry.names()) {
    if (registry.connect(name)) live.push_back(name);
  }
  if (live.empty()) return "no guest is running; start one with 'samepage run'";
  return fmt::format("running: {}", fmt::join(live, ", "));
}

std::optional<GuestConnection> try_connect(const vmm::GuestRegistry& registry, const std::string& name) {
  // The pid is the guest's for sure when it still listens after its pidfd was opened.
  UniqueFd first = registry.connect(name);
  if (!first) return std::nullopt;
  const pid_t pid = peer_of(first.get()).pid;
  std::optional<vmm::ProcessHandle> process = vmm::ProcessHandle::open(pid);
  UniqueFd socket = registry.connect(name);
  if (!socket) return std::nullopt;
  if (!process || peer_of(socket.get()).pid != pid) return try_connect(registry, name);
  return GuestConnection{name, std::move(socket), pid, std::move(*process)};
}

std::string no_answer(const std::string& name, pid_t pid) {
  return fmt::format("guest '{0}' (pid {1}) does not answer; 'samepage kill {0}' ends it", name, pid);
}

}  // namespace

std::optional<GuestConnection> find_guest(const std::string& name) {
  return try_connect(vmm::GuestRegistry::of_this_user(), name);
}

GuestConnection connect_guest(const std::string& name) {
  if (std::optional<GuestConnection> guest = find_guest(name)) return std::move(*guest);
  if (const auto record = vmm::GuestRecords::of_this_user().find(name)) {
    throw UserError(fmt::format("guest '{0}' {1}; 'samepage logs {0}' shows what it printed last", name,
                                end_text(*record, vmm::now_in_seconds())));
  }
  throw UserError(
      fmt::format("there is no guest '{}'; {}", name, who_runs(vmm::GuestRegistry::of_this_user())));
}

vmm::ControlAnswer ask_guest(const GuestConnection& guest, const json& request, std::span<const int> fds) {
  return accepted_answer(guest, vmm::ask(guest.socket.get(), request, fds));
}

vmm::ControlAnswer accepted_answer(const GuestConnection& guest, std::optional<vmm::ControlAnswer> answer) {
  if (!answer) throw UserError(no_answer(guest.name, guest.pid));
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
  std::vector<json> answers;
  for (const std::string& name : registry.names()) {
    try {
      const std::optional<GuestConnection> guest = try_connect(registry, name);
      if (guest) answers.push_back(ask_guest(*guest, request).body);
    } catch (const UserError& error) {
      // A guest that ended just now is no news.
      if (registry.connect(name)) fmt::print(stderr, "samepage: {}\n", error.what());
    } catch (const std::system_error& error) {
      fmt::print(stderr, "samepage: guest '{}' does not answer: {}\n", name, error.what());
    }
  }
  return answers;
}

}  // namespace samepage::cli
