// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/guest_connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/poll_timeout.hpp"
#include "base/standard_output.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_record.hpp"

namespace samepage::guests {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

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

}  // namespace

bool does_not_take_callers(const std::system_error& error) {
  return error.code() == std::errc::resource_unavailable_try_again;
}

bool guest_lives(const vmm::GuestRegistry& registry, const std::string& name) {
  try {
    return static_cast<bool>(registry.connect(name));
  } catch (const std::system_error& error) {
    if (!does_not_take_callers(error)) throw;
    return true;
  }
}

bool guest_lives(const std::string& name) {
  return guest_lives(vmm::GuestRegistry::of_this_user(), name);
}

std::optional<GuestConnection> find_guest(const std::string& name) {
  return try_connect(vmm::GuestRegistry::of_this_user(), name);
}

std::vector<Asked> ask_together(std::span<const int> sockets, const json& request,
                                Clock::time_point deadline) {
  std::vector<Asked> results(sockets.size());
  std::vector<vmm::AnswerReceiver> receivers(sockets.size());
  std::vector<pollfd> waits;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const bool sent = vmm::send_request(sockets[i], request);
    results[i].gone = !sent;
    waits.push_back({sent ? sockets[i] : -1, POLLIN, 0});
  }
  const auto open = [&] {
    return std::any_of(waits.begin(), waits.end(), [](const pollfd& wait) { return wait.fd >= 0; });
  };
  while (open()) {
    const int left = poll_timeout(deadline);
    if (left == 0) break;
    if (::poll(waits.data(), waits.size(), left) < 0) {
      if (errno == EINTR) continue;
      throw_errno("poll of the guests");
    }
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      const vmm::AnswerReceiver::State state = receivers[i].receive(waits[i].fd);
      if (state == vmm::AnswerReceiver::State::partial) continue;
      waits[i].fd = -1;
      if (state == vmm::AnswerReceiver::State::whole) results[i].answer = receivers[i].take();
      results[i].gone = state == vmm::AnswerReceiver::State::gone;
    }
  }
  return results;
}

namespace {

void note_kill(const GuestConnection& guest, const std::string& who) {
  const vmm::GuestRecords records = vmm::GuestRecords::of_this_user();
  std::optional<vmm::GuestRecord> record = records.find(guest.name);
  if (!record || record->end || record->pid != guest.pid) return;  // another has the name by now
  record->end = {vmm::now_in_seconds(), exit_by_signal(SIGKILL), "killed", who};
  records.put(*record);
}

}  // namespace

void kill(const GuestConnection& guest, const std::string& who) {
  try {
    note_kill(guest, who);  // first: who sees its end may look at once
  } catch (const std::exception& error) {
    complain(fmt::format("samepage: how guest {} ends can't be kept: {}", guest.name, error.what()));
  }
  guest.process.signal(SIGKILL);
}

}  // namespace samepage::guests
