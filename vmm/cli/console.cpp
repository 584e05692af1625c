// SPDX-License-Identifier: Apache-2.0
// `samepage console`: attaches the terminal, or pipes, to a running guest.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "vmm/cli/commands.hpp"
#include "vmm/cli/console_link.hpp"
#include "vmm/cli/guest_client.hpp"
#include "vmm/cli/interrupted.hpp"
#include "vmm/cli/raw_terminal.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

// How long a process may take to be gone after it has closed its sockets.
constexpr int longest_death_ms = 2000;

// A terminal that is gone takes no words; the exit status has to do then.
template <typename... Arguments>
void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  const std::string line = fmt::format(text, std::forward<Arguments>(arguments)...);
  static_cast<void>(std::fputs(("samepage: " + line + "\n").c_str(), stderr));
}

bool at_terminal() {
  return ::isatty(STDIN_FILENO) != 0;
}

void greet(const std::string& guest, EscapeKey escape) {
  if (!at_terminal()) return;
  const std::string key = escape.name();
  say("attached to guest {}; {}", guest, key.empty() ? "no key detaches, SIGTERM does" : key + " detaches");
}

int status_of(const LinkEnd& end, const GuestConnection& guest) {
  switch (end.kind) {
    case LinkEnd::Kind::detached:
      if (at_terminal()) static_cast<void>(std::fputs("\n", stderr));
      if (at_terminal()) say("detached from guest {}", guest.name);
      return exit_ok;
    case LinkEnd::Kind::signal:
      throw Interrupted{end.status};
    case LinkEnd::Kind::guest_ended:
      say("guest {} has ended, with exit code {}", guest.name, end.status);
      return exit_guest_ended;
    case LinkEnd::Kind::lost:
      break;
  }
  if (!guest.process.ends_within(longest_death_ms)) {
    throw UserError(fmt::format(
        "guest '{}' has closed the connection, but runs (pid {}); attach again with 'samepage console {}'",
        guest.name, guest.pid, guest.name));
  }
  say("guest {} has ended; it was killed", guest.name);
  return exit_guest_ended;
}

// The terminal is as it was when this returns or throws.
LinkEnd carry(const GuestConnection& guest, EscapeKey escape) {
  const vmm::StopSignals signals;
  const RawTerminal raw(STDIN_FILENO);
  return ConsoleLink(guest.socket.get(), STDIN_FILENO, STDOUT_FILENO, signals, escape).run();
}

}  // namespace

int console(const ConsoleOptions& options) {
  const GuestConnection guest = connect_guest(options.guest);
  ask_guest(guest, {{"do", "console"}, {"port", vmm::name_of(options.port)}});
  greet(guest.name, options.escape);
  return status_of(carry(guest, options.escape), guest);
}

}  // namespace samepage::cli
