// SPDX-License-Identifier: Apache-2.0
// `samepage console`: attaches the terminal, or pipes, to a running guest.
#include <fmt/format.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/standard_output.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/console_link.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/interrupted.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/raw_terminal.hpp"

namespace samepage::cli {
namespace {

// How long a process may take to be gone after it has closed its sockets.
constexpr int longest_death_ms = 2000;

template <typename... Arguments>
void say(std::string_view gap, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  complain(fmt::format("{}samepage: {}", gap, fmt::format(text, std::forward<Arguments>(arguments)...)));
}

bool at_terminal() {
  return ::isatty(STDIN_FILENO) != 0;
}

void greet(const std::string& guest, vmm::EscapeKey escape) {
  if (!at_terminal()) return;
  const std::string key = escape.name();
  say("", "attached to guest {}; {}", guest,
      key.empty() ? "no key detaches, SIGTERM does" : key + " detaches");
}

int status_of(const LinkEnd& end, const GuestConnection& guest, std::string_view gap) {
  switch (end.kind) {
    case LinkEnd::Kind::detached:
      if (at_terminal()) say(gap, "detached from guest {}", guest.name);
      return exit_ok;
    case LinkEnd::Kind::signal:
      throw Interrupted{end.status};
    case LinkEnd::Kind::guest_ended:
      say(gap, "guest {} has ended, with exit code {}", guest.name, end.status);
      return exit_guest_ended;
    case LinkEnd::Kind::lost:
      break;
  }
  if (!guest.process.ends_within(longest_death_ms)) {
    throw UserError(fmt::format(
        "guest '{}' has closed the connection, but runs (pid {}); attach again with 'samepage console {}'",
        guest.name, guest.pid, guest.name));
  }
  say(gap, "guest {} has ended; it was killed", guest.name);
  return exit_guest_ended;
}

struct ConsoleOptions {
  std::string guest;
  vmm::ConsolePort port = vmm::ConsolePort::com1;  // what is typed goes there
  vmm::EscapeKey escape;
};

// Attaches standard input and output to the guest's console until the escape key or the guest's end.
int console(const ConsoleOptions& options) {
  const GuestConnection guest = connect_guest(options.guest);
  ask_guest(guest, {{"do", "console"}, {"port", vmm::name_of(options.port)}});
  greet(guest.name, options.escape);
  const vmm::StopSignals signals;
  ConsoleLink link(guest.socket.get(), STDIN_FILENO, STDOUT_FILENO, signals, options.escape);
  const LinkEnd end = [&] {
    const vmm::RawTerminal raw(STDIN_FILENO);
    return link.run();
  }();
  return status_of(end, guest, link.gap());
}

}  // namespace

void add_console(const Command& program) {
  const Command command =
      program.add("console", "Attach to a running guest's console; Ctrl-] detaches and the guest runs on");
  const auto options = std::make_shared<ConsoleOptions>();
  add_guest(command, options->guest);
  add_console_port(command, options->port,
                   "Which console input goes to; the output of both is shown (default: com1)");
  add_escape_key(command, options->escape, "The key that detaches: ^X is Ctrl-X (default: ^])");
  command.footer(
      "At the end of an input that is no terminal it stays attached until the guest ends.\n"
      "Exit codes: 0 detached, 3 the guest has ended.");
  command.runs([options] { return console(*options); });
}

}  // namespace samepage::cli
