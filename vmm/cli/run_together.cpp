// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/run_together.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/check.hpp"
#include "vmm/cli/guest_child.hpp"
#include "vmm/cli/line_prefix.hpp"
#include "vmm/cli/output.hpp"
#include "vmm/control/guest_name.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

// The N of "BASE-N".
unsigned number_of(std::string_view name) {
  name.remove_prefix(name.find_last_of('-') + 1);
  unsigned number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

// What one of several guests is started with. Numbers of names that we choose only grow, so that no two
// guests of one command have the same name even when the first has ended.
RunOptions options_of(const RunOptions& all, unsigned number, const std::vector<GuestChild>& before) {
  RunOptions one = all;
  if (!before.empty() && all.name.empty()) one.first_number = number_of(before.back().name) + 1;
  if (all.count > 1 && !all.name.empty()) {
    one.name = fmt::format("{}-{}", all.name, number);
    vmm::require_guest_name(one.name);
  }
  return one;
}

struct Pipe {
  UniqueFd reading;
  UniqueFd writing;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// One guest whose console is shown.
struct Shown {
  pid_t pid = 0;
  int process = -1;  // pidfd, -1 once the guest has been reaped
  UniqueFd console;  // none: it goes to a file, or has ended
  LinePrefix lines;
};

// Shows what is in a console's pipe now; closes it at its end.
void show(Shown& guest) {
  std::array<char, 16384> bytes{};
  const ssize_t got = ::read(guest.console.get(), bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) {
    print_text(guest.lines.feed({bytes.data(), static_cast<std::size_t>(got)}));
    return;
  }
  print_text(guest.lines.finish());
  guest.console.reset();
}

// Shows what an ended guest left in its pipe, without waiting for more.
void show_rest(Shown& guest) {
  if (!guest.console) return;
  check(::fcntl(guest.console.get(), F_SETFL, O_NONBLOCK), "fcntl");
  pollfd wait{guest.console.get(), POLLIN, 0};
  while (guest.console && ::poll(&wait, 1, 0) > 0) show(guest);
  if (guest.console) print_text(guest.lines.finish());
  guest.console.reset();
}

// Polls signals, consoles and processes once.
void wait_for_news(std::vector<Shown>& guests, GuestChildren& children, const vmm::StopSignals& signals,
                   int& status) {
  std::vector<pollfd> waits{{signals.fd(), POLLIN, 0}};
  for (const Shown& guest : guests) {
    waits.push_back({guest.console.get(), POLLIN, 0});  // poll passes over negative descriptors
    waits.push_back({guest.process, POLLIN, 0});
  }
  if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
  if (const int signal = signals.take(); signal != 0) children.signal(signal);
  for (std::size_t i = 0; i < guests.size(); ++i) {
    Shown& guest = guests[i];
    if (waits[1 + 2 * i].revents != 0) show(guest);
    if (waits[2 + 2 * i].revents == 0) continue;
    const std::optional<int> ended = children.reap(guest.pid);
    if (!ended) continue;
    show_rest(guest);
    guest.process = -1;
    if (status == exit_ok) status = *ended;
  }
}

bool any_lives(const std::vector<Shown>& guests) {
  for (const Shown& guest : guests) {
    if (guest.process >= 0) return true;
  }
  return false;
}

}  // namespace

UniqueFd open_console(const RunOptions& options, unsigned number) {
  if (options.console.empty()) return {};
  const std::string path =
      options.count > 1 ? fmt::format("{}-{}", options.console, number) : options.console;
  return checked_fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666),
                    "open console file " + path);
}

int run_detached(const RunOptions& options) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  for (unsigned number = 1; number <= options.count; ++number) {
    const UniqueFd console = open_console(options, number);
    children.start(options_of(options, number, children.all()), {console.get(), console.get()});
  }
  nlohmann::json started = nlohmann::json::array();
  std::string names;
  for (const GuestChild& child : children.all()) {
    started.push_back({{"name", child.name}, {"pid", child.pid}});
    names += child.name + "\n";
  }
  children.let_go();
  return options.format == Format::json ? print_json(started) : print_text(names);
}

int run_attached(const RunOptions& options) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  std::vector<Shown> guests;
  for (unsigned number = 1; number <= options.count; ++number) {
    const UniqueFd file = open_console(options, number);
    Pipe pipe = file ? Pipe{} : make_pipe();
    const ChildOutput output{file ? file.get() : pipe.writing.get(), STDERR_FILENO};
    const GuestChild& child = children.start(options_of(options, number, children.all()), output);
    guests.push_back(
        {child.pid, child.process->fd(), std::move(pipe.reading), LinePrefix(child.name + ": ")});
  }
  int status = exit_ok;
  while (any_lives(guests)) wait_for_news(guests, children, signals, status);
  return status;
}

}  // namespace samepage::cli
