// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/guest_fork.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "manage/cli/guest_client.hpp"
#include "vmm/process/guest_config_bytes.hpp"
#include "vmm/snapshot/written_device.hpp"

namespace samepage::cli {
namespace {

// A large guest's memory is copied meanwhile.
constexpr std::chrono::seconds fork_patience{60};

}  // namespace

GuestFork fork_now(const std::string& name, OwnDisks disks) {
  const GuestConnection parent = connect_guest(name);
  auto [ours, guests] = connected_sockets();
  const auto deadline = std::chrono::steady_clock::now() + fork_patience;
  GuestFork fork;
  const nlohmann::json request{{"do", "fork"}, {"own_disks", disks == OwnDisks::replaced}};
  fork.about = ask_guest(parent, request, std::array{guests.get()}, deadline).body;
  guests.reset();
  const auto receive = [&, socket = ours.get()](std::size_t least) {
    std::optional<Message> sent = receive_message(socket);
    if (sent && sent->fds.size() >= least) return std::move(sent->fds);
    throw UserError(fmt::format("guest '{}' did not send what its clones go on from", name));
  };
  std::vector<UniqueFd> sent = receive(2);
  fork.from.description = std::move(sent.front());
  for (UniqueFd& file : std::span(sent).subspan(1)) fork.from.memory.push_back(std::move(file));
  fork.snapshot = vmm::read_snapshot(fork.from.description.get());
  const std::uint64_t written = vmm::written_devices_of(fork.snapshot.devices).files;
  for (std::uint64_t i = 0; i < written; ++i) fork.from.written.push_back(std::move(receive(1).front()));
  fork.about["parent"] = name;
  return fork;
}

vmm::GuestProcessConfig config_of_clone(const vmm::Snapshot& snapshot, const std::string& name) {
  vmm::GuestProcessConfig guest = vmm::guest_config_of(snapshot.config);
  guest.numbered_as = guest.name;
  guest.name = name;
  guest.first_number = 1;
  guest.note.clear();
  guest.joins_later = false;
  guest.afterwards = vmm::Afterwards::forgotten;
  guest.console_content = vmm::ConsoleContent::kept;
  return guest;
}

}  // namespace samepage::cli
