// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_fork.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/elapsed.hpp"
#include "base/process_memory.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "manage/cli/console_dialogue.hpp"
#include "manage/cli/demo_fork_report.hpp"
#include "manage/cli/demo_host.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/guest_fork.hpp"
#include "manage/cli/output.hpp"
#include "manage/guests/images.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* parent_name = "warm";
constexpr int longest_start_s = 120;
constexpr int longest_answer_s = 60;

// Half of its memory.
PageCount table_pages(const ForkDemoOptions& options) {
  return {pages_in(options.memory_bytes).value / 2};
}

vmm::GuestProcessConfig parent_config(const ForkDemoOptions& options) {
  vmm::GuestProcessConfig guest;
  guest.name = parent_name;
  guest.image = "serve";
  guest.machine.image = guests::find_image(guest.image);
  guest.machine.memory_bytes = options.memory_bytes;
  guest.machine.command_line = fmt::format("pages={}", table_pages(options).value);
  return guest;
}

// Guests that are asked one after the other; each works at its answer meanwhile.
class Dialogues {
 public:
  explicit Dialogues(DemoHost& host) : host_(host) {}
  std::vector<WarmAnswer> ask(const std::vector<std::string>& names, const std::string& line) {
    std::vector<std::unique_ptr<ConsoleDialogue>> consoles;
    for (const std::string& name : names) {
      consoles.push_back(std::make_unique<ConsoleDialogue>(name));
      consoles.back()->type(line);
    }
    std::vector<WarmAnswer> answers;
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::string answer;
      host_.wait_until(fmt::format("waiting for the answer of guest {}", names[i]), longest_answer_s, [&] {
        answer = consoles[i]->answer("answer ");
        return !answer.empty();
      });
      answers.push_back(warm_answer_of(answer));
    }
    return answers;
  }
  WarmAnswer ask(const std::string& name, const std::string& line) {
    return ask(std::vector{name}, line).front();
  }

 private:
  DemoHost& host_;
};

void warm_up(DemoHost& host, const ForkDemoOptions& options, ForkDemoResult& result) {
  const auto start = Clock::now();
  host.start(parent_config(options));
  host.wait_until("waiting until the guest is warm", longest_start_s, [] {
    return ask_guest(parent_name, {{"do", "logs"}}).data.find("ready: ") != std::string::npos;
  });
  result.cold_ms = ms_since(start);
}

std::vector<std::string> fork_it(DemoHost& host, const ForkDemoOptions& options, ForkDemoResult& result) {
  host.progress().show("forking the guest");
  const auto start = Clock::now();
  const GuestFork fork = fork_now(parent_name);
  std::vector<std::string> names =
      host.start_clones(config_of_clone(fork.snapshot, ""), options.clones, fork.from);
  result.fork_ms = ms_since(start);
  result.held_ms = static_cast<double>(number(fork.about, "held_us")) / 1000;
  return names;
}

void look_at_memory(DemoHost& host, ForkDemoResult& result) {
  for (DemoClone& clone : result.clones) {
    for (const GuestChild& child : host.guests()) {
      if (child.name != clone.name) continue;
      const ProcessMemory memory = memory_of(child.pid).value_or(ProcessMemory{});
      clone.pss_bytes = memory.pss;
      clone.own_bytes = memory.pss_anon;
    }
  }
}

void roll_back(Dialogues& dialogues, ForkDemoResult& result) {
  const std::string& name = result.clones.front().name;
  const std::uint64_t pages = 1000;
  if (dialogues.ask(name, fmt::format("change {}", pages)).warm)
    throw UserError("the guest did not change its table when it was told to");
  const json rolled = ask_guest(name, {{"do", "rollback"}}).body;
  result.rollback_pages = number(rolled, "pages");
  result.rollback_ms = static_cast<double>(number(rolled, "took_us")) / 1000;
  const WarmAnswer after = dialogues.ask(name, "and now?");
  result.warm_again = after.warm && after.sum == result.parent.sum;
}

void say(DemoHost& host, const ForkDemoOptions& options, const std::string& text) {
  host.progress().clear();
  if (options.format == Format::text) print_text(text, host.signals());
}

}  // namespace

int demo_fork(const ForkDemoOptions& options) {
  DemoHost host;
  Dialogues dialogues(host);
  ForkDemoResult result;
  say(host, options,
      fmt::format("A guest of {} warms up, then {} clones go on from where it is.\n"
                  "Merging is off: what they share, they share by the fork alone.\n\n",
                  format_size(options.memory_bytes), options.clones));
  warm_up(host, options, result);
  const auto available = static_cast<std::int64_t>(host_memory("MemAvailable"));
  const std::vector<std::string> names = fork_it(host, options, result);
  for (const std::string& name : names) result.clones.push_back({name, {}, 0, 0});
  say(host, options, result.times());
  // Its own copy of what it has forked goes then. Before the clones look at all that they have: what they
  // share would be told as theirs.
  host.wait_until("waiting until the parent's memory is that of the fork", longest_answer_s, [&] {
    return number(ask_guest(parent_name, {{"do", "stat"}}).body, "backed_bytes") >=
           table_pages(options).bytes();
  });
  look_at_memory(host, result);
  result.available_bytes = available - static_cast<std::int64_t>(host_memory("MemAvailable"));
  const std::vector<WarmAnswer> answers = dialogues.ask(names, "who are you?");
  for (std::size_t i = 0; i < answers.size(); ++i) result.clones[i].answer = answers[i];
  result.parent = dialogues.ask(parent_name, "and you?");
  say(host, options, result.table());
  roll_back(dialogues, result);
  say(host, options, result.last_lines());
  if (const std::string problem = result.problem(); !problem.empty()) throw UserError(problem);
  return options.format == Format::json ? print_text(json_text(result.to_json()), host.signals()) : exit_ok;
}

}  // namespace samepage::cli
