// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/run_together.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/pipe.hpp"
#include "manage/cli/consoles.hpp"
#include "manage/cli/guest_child.hpp"
#include "manage/cli/output.hpp"
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
vmm::GuestProcessConfig config_of(const RunOptions& all, unsigned number,
                                  const std::vector<GuestChild>& before) {
  vmm::GuestProcessConfig one = all.guest;
  if (!before.empty() && one.name.empty()) one.first_number = number_of(before.back().name) + 1;
  if (all.count > 1 && !one.name.empty()) {
    one.name = fmt::format("{}-{}", one.name, number);
    vmm::require_guest_name(one.name);
  }
  if (all.attachment == Attachment::detached) one.afterwards = vmm::Afterwards::recorded;
  if (!all.console.empty()) one.console_content = vmm::ConsoleContent::emptied;
  return one;
}

}  // namespace

ConsoleFile open_console(const RunOptions& options, unsigned number, const vmm::StopSignals* signals) {
  if (options.console.empty()) return {};
  return ConsoleFile(options.count > 1 ? fmt::format("{}-{}", options.console, number) : options.console,
                     signals);
}

int run_detached(const RunOptions& options, nlohmann::json about) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  for (unsigned number = 1; number <= options.count; ++number) {
    ConsoleFile console = open_console(options, number, &signals);
    children.start(config_of(options, number, children.all()), options.attachment,
                   {console.fd(), console.fd()}, options.snapshot);
    console.keep();
  }
  nlohmann::json started = nlohmann::json::array();
  std::string names;
  for (const GuestChild& child : children.all()) {
    started.push_back({{"name", child.name}, {"pid", child.pid}});
    names += child.name + "\n";
  }
  // Guests whose names nobody hears of would run for ever: until they are told, they end with us.
  if (about.is_object()) {
    about["guests"] = std::move(started);
    started = std::move(about);
  }
  const int status = print_text(options.format == Format::json ? json_text(started) : names, signals);
  children.let_go();
  return status;
}

int run_attached(const RunOptions& options) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  Consoles consoles(children, signals);
  for (unsigned number = 1; number <= options.count; ++number) {
    ConsoleFile file = open_console(options, number, &signals);
    Pipe pipe = file ? Pipe{} : make_pipe();
    const ChildOutput output{file ? file.fd() : pipe.writing.get(), STDERR_FILENO};
    const GuestChild& child = children.start(config_of(options, number, children.all()), options.attachment,
                                             output, options.snapshot);
    file.keep();
    consoles.add(child, std::move(pipe.reading));
  }
  return consoles.show_all();
}

}  // namespace samepage::cli
