// SPDX-License-Identifier: Apache-2.0
// `samepage pause`, `resume`, `stop`, `kill` and `balloon`: all named guests at once, and what goes wrong
// with one stops none of the others.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/poll_timeout.hpp"
#include "base/standard_output.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/guest_client.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds longest_stop{10};
constexpr std::chrono::seconds longest_kill{60};

void say(const std::exception& error) {
  complain(fmt::format("samepage: {}", error.what()));
}

// Does something for each of several guests. What goes wrong with one is told and keeps nothing from the
// others; the exit status remembers it.
class ForEach {
 public:
  template <typename Guests, typename Action>
  void operator()(Guests& guests, Action action) {
    for (auto& guest : guests) {
      try {
        action(guest);
      } catch (const UserError& error) {
        fail(error);
      } catch (const std::system_error& error) {
        fail(error);
      }
    }
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  void fail(const std::exception& error) {
    say(error);
    status_ = exit_failure;
  }

  int status_ = exit_ok;
};

std::vector<GuestConnection> connect_all(const std::vector<std::string>& names, ForEach& for_each) {
  std::vector<GuestConnection> guests;
  guests.reserve(names.size());
  for_each(names, [&](const std::string& name) { guests.push_back(connect_guest(name)); });
  return guests;
}

// Returns those that did what they were told. A guest that is told to stop and hangs up has done that.
std::vector<GuestConnection> tell_all(std::vector<GuestConnection> guests, std::string_view verb,
                                      ForEach& for_each) {
  std::vector<int> sockets;
  sockets.reserve(guests.size());
  for (const GuestConnection& guest : guests) sockets.push_back(guest.socket.get());
  std::vector<Asked> asked = ask_together(sockets, {{"do", verb}}, Clock::now() + answer_patience);
  std::vector<GuestConnection> told;
  std::size_t next = 0;
  for_each(guests, [&](GuestConnection& guest) {
    Asked& one = asked[next++];
    if (one.gone && verb != "stop") throw UserError(fmt::format("guest '{}' has just ended", guest.name));
    if (!one.gone) accepted_answer(guest, std::move(one.answer));
    told.push_back(std::move(guest));
  });
  return told;
}

int tell_all(const std::vector<std::string>& names, std::string_view verb) {
  ForEach for_each;
  tell_all(connect_all(names, for_each), verb, for_each);
  return for_each.status();
}

// The guests end at the same time, so they have one deadline.
void require_ends(std::vector<GuestConnection>& guests, std::chrono::seconds patience, ForEach& for_each,
                  std::string_view way_out) {
  const auto end = Clock::now() + patience;
  for_each(guests, [&](const GuestConnection& guest) {
    if (guest.process.ends_within(poll_timeout(end))) return;
    throw UserError(fmt::format("guest '{}' (pid {}) has not ended within {} s; {}", guest.name, guest.pid,
                                patience.count(), way_out));
  });
}

int pause(const std::vector<std::string>& guests) {
  return tell_all(guests, "pause");
}

int resume(const std::vector<std::string>& guests) {
  return tell_all(guests, "resume");
}

// Asks the guest to give up so much of its memory.
int balloon(const std::string& guest, std::uint64_t bytes) {
  ask_guest(guest, {{"do", "balloon"}, {"bytes", bytes}});
  return exit_ok;
}

int stop(const std::vector<std::string>& guests) {
  ForEach for_each;
  std::vector<GuestConnection> told = tell_all(connect_all(guests, for_each), "stop", for_each);
  require_ends(told, longest_stop, for_each, "'samepage kill' ends it");
  return for_each.status();
}

int kill(const std::vector<std::string>& guests) {
  const vmm::GuestRegistry registry = vmm::GuestRegistry::of_this_user();
  ForEach for_each;
  std::vector<GuestConnection> found = connect_all(guests, for_each);
  for_each(found, [](const GuestConnection& guest) { guests::kill(guest, guests::killed_by_command); });
  require_ends(found, longest_kill, for_each, "it waits for the kernel");
  for_each(found, [&](const GuestConnection& guest) {
    if (!guest.process.ends_within(0)) return;
    registry.prune(guest.name);
  });
  return for_each.status();
}

using GuestsCommand = int (*)(const std::vector<std::string>&);

void add_for_guests(const Command& program, const char* name, const char* help, GuestsCommand function) {
  const Command command = program.add(name, help);
  const auto guests = std::make_shared<std::vector<std::string>>();
  add_guests(command, *guests);
  command.runs([guests, function] { return function(*guests); });
}

struct BalloonOptions {
  std::string guest;
  std::uint64_t bytes = 0;
};

}  // namespace

void add_control(const Command& program) {
  add_for_guests(program, "pause", "Hold guests until resume", pause);
  add_for_guests(program, "resume", "Let paused guests go on", resume);
  add_for_guests(program, "stop", "End guests and wait until they are gone", stop);
  add_for_guests(program, "kill", "End guests the hard way (SIGKILL)", kill);

  const Command command = program.add("balloon", "Ask a guest to give up memory; a size of 0 gives it back");
  const auto options = std::make_shared<BalloonOptions>();
  add_guest(command, options->guest);
  add_size(command, "SIZE", options->bytes, "What it is to give up in all, such as 64M", Needed::yes);
  command.runs([options] { return balloon(options->guest, options->bytes); });
}

}  // namespace samepage::cli
