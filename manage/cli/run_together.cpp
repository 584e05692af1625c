// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/run_together.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

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

// Clones load nothing: each is there after some milliseconds, of which it waits for a part. So several start
// at the same time, and each takes the lowest number that is free, from its place among them on.
void start_clones(const RunOptions& options, GuestChildren& children) {
  const std::size_t at_once = 2 * std::max(1U, std::thread::hardware_concurrency());
  std::deque<GuestChildren::Starting> clones;
  const auto finish_first = [&] {
    children.finish(std::move(clones.front()));
    clones.pop_front();
  };
  for (unsigned number = 1; number <= options.count; ++number) {
    vmm::GuestProcessConfig clone = config_of(options, number, {});
    clone.first_number = number;
    clones.push_back(children.begin(std::move(clone), options.attachment, {}, options.from));
    if (clones.size() == at_once) finish_first();
  }
  while (!clones.empty()) finish_first();
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
  if (options.from.description && options.console.empty()) {
    start_clones(options, children);
  } else {
    for (unsigned number = 1; number <= options.count; ++number) {
      ConsoleFile console = open_console(options, number, &signals);
      children.start(config_of(options, number, children.all()), options.attachment,
                     {console.fd(), console.fd()}, options.from);
      console.keep();
    }
  }
  nlohmann::json started = nlohmann::json::array();
  std::string names;
  std::vector<GuestChild const*> in_order;
  for (const GuestChild& child : children.all()) in_order.push_back(&child);
  std::stable_sort(in_order.begin(), in_order.end(), [](const GuestChild* a, const GuestChild* b) {
    return number_of(a->name) < number_of(b->name);
  });
  for (const GuestChild* one : in_order) {
    const GuestChild& child = *one;
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
    const GuestChild& child =
        children.start(config_of(options, number, children.all()), options.attachment, output, options.from);
    file.keep();
    consoles.add(child, std::move(pipe.reading));
  }
  return consoles.show_all();
}

}  // namespace samepage::cli
