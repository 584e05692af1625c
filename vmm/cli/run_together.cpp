// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/run_together.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.hpp"
#include "vmm/cli/consoles.hpp"
#include "vmm/cli/guest_child.hpp"
#include "vmm/cli/interrupted.hpp"
#include "vmm/cli/output.hpp"
#include "vmm/control/guest_name.hpp"

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

}  // namespace

UniqueFd open_console(const RunOptions& options, unsigned number, const vmm::StopSignals* signals) {
  if (options.console.empty()) return {};
  const std::string path =
      options.count > 1 ? fmt::format("{}-{}", options.console, number) : options.console;
  constexpr int reader_turn_ms = 50;
  for (;;) {
    // O_NONBLOCK: a FIFO that nobody reads yet is waited for, but not in open(), where no signal is seen.
    UniqueFd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666));
    if (file) return file;
    if (errno != ENXIO) throw_errno("open console file " + path);
    pollfd signalled{signals == nullptr ? -1 : signals->fd(), POLLIN, 0};
    ::poll(&signalled, 1, reader_turn_ms);
    if (signals == nullptr) continue;
    if (const int signal = signals->take(); signal != 0) throw Interrupted{signal};
  }
}

int run_detached(const RunOptions& options) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  for (unsigned number = 1; number <= options.count; ++number) {
    const UniqueFd console = open_console(options, number, &signals);
    children.start(options_of(options, number, children.all()), {console.get(), console.get()});
  }
  nlohmann::json started = nlohmann::json::array();
  std::string names;
  for (const GuestChild& child : children.all()) {
    started.push_back({{"name", child.name}, {"pid", child.pid}});
    names += child.name + "\n";
  }
  // Guests whose names nobody hears of would run for ever: until they are told, they end with us.
  const int status = print_text(options.format == Format::json ? json_text(started) : names, signals);
  children.let_go();
  return status;
}

int run_attached(const RunOptions& options) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  Consoles consoles(children, signals);
  for (unsigned number = 1; number <= options.count; ++number) {
    const UniqueFd file = open_console(options, number, &signals);
    Pipe pipe = file ? Pipe{} : make_pipe();
    const ChildOutput output{file ? file.get() : pipe.writing.get(), STDERR_FILENO};
    consoles.add(children.start(options_of(options, number, children.all()), output),
                 std::move(pipe.reading));
  }
  return consoles.show_all();
}

}  // namespace samepage::cli
