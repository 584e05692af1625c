// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/run_together.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/json.hpp"
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

std::string numbered(const std::string& base, unsigned number) {
  std::string name = fmt::format("{}-{}", base, number);
  vmm::require_guest_name(name);
  return name;
}

// What one of several guests is started with. Numbers of names that we choose only grow, so that no two
// guests of one command have the same name even when the first has ended.
vmm::GuestProcessConfig config_of(const RunOptions& all, unsigned number,
                                  const std::vector<GuestChild>& before) {
  vmm::GuestProcessConfig one = all.guest;
  if (!before.empty() && one.name.empty()) one.first_number = number_of(before.back().name) + 1;
  if (all.count > 1 && !one.name.empty()) {
    one.name = numbered(one.name, number);
  }
  if (all.attachment == Attachment::detached) one.afterwards = vmm::Afterwards::recorded;
  if (!all.console.empty()) one.console_content = vmm::ConsoleContent::emptied;
  return one;
}

}  // namespace

void start_clones(GuestChildren& children, const vmm::GuestProcessConfig& clone, unsigned count,
                  const ClonePlace& place, const vmm::SnapshotFiles& from) {
  const std::size_t at_once = 2 * std::max(1U, std::thread::hardware_concurrency());
  std::deque<GuestChildren::Starting> clones;
  const auto finish_first = [&] {
    children.finish(std::move(clones.front()));
    clones.pop_front();
  };
  for (unsigned number = 1; number <= count; ++number) {
    vmm::GuestProcessConfig one = clone;
    if (count > 1 && !one.name.empty()) one.name = numbered(one.name, number);
    one.first_number = number;
    clones.push_back(children.begin(std::move(one), place.attachment, place.output, from));
    if (clones.size() == at_once) finish_first();
  }
  while (!clones.empty()) finish_first();
}

std::vector<const GuestChild*> in_order_of_numbers(const std::vector<GuestChild>& children,
                                                   std::size_t first) {
  std::vector<const GuestChild*> in_order;
  for (std::size_t i = first; i < children.size(); ++i) in_order.push_back(&children[i]);
  std::stable_sort(in_order.begin(), in_order.end(), [](const GuestChild* a, const GuestChild* b) {
    return number_of(a->name) < number_of(b->name);
  });
  return in_order;
}

ConsoleFile open_console(const RunOptions& options, unsigned number, const vmm::StopSignals* signals) {
  if (options.console.empty()) return {};
  return ConsoleFile(options.count > 1 ? fmt::format("{}-{}", options.console, number) : options.console,
                     signals);
}

int run_detached(const RunOptions& options, const std::function<nlohmann::json()>& about) {
  const vmm::StopSignals signals;
  GuestChildren children(signals);
  if (options.from.description && options.console.empty()) {
    vmm::GuestProcessConfig clone = options.guest;
    clone.afterwards = vmm::Afterwards::recorded;
    start_clones(children, clone, options.count, {options.attachment, {}}, options.from);
  } else {
    for (unsigned number = 1; number <= options.count; ++number) {
      ConsoleFile console = open_console(options, number, &signals);
      children.start(config_of(options, number, children.all()), options.attachment,
                     {console.fd(), console.fd()}, options.from);
      console.keep();
    }
  }
  nlohmann::json told = about ? about() : nlohmann::json();
  nlohmann::json started = nlohmann::json::array();
  std::string names;
  for (const GuestChild* child : in_order_of_numbers(children.all())) {
    started.push_back({{"name", child->name}, {"pid", child->pid}});
    names += child->name + "\n";
  }
  // Guests whose names nobody hears of would run for ever: until they are told, they end with us.
  if (told.is_object()) {
    told["guests"] = std::move(started);
    started = std::move(told);
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
