// SPDX-License-Identifier: Apache-2.0
// `samepage demo`: guests with common and own pages; memory before merging, after it, and after some of them
// wrote. The writers are paused as soon as they are ready and let go at the end: the time after which they
// write has passed by then, so they write at once and no earlier.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "dedup/daemon_client.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/demo_count.hpp"
#include "manage/cli/demo_fork.hpp"
#include "manage/cli/demo_host.hpp"
#include "manage/cli/demo_report.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/report_page.hpp"
#include "manage/guests/images.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/guests/settling.hpp"
#include "manage/report/history.hpp"
#include "manage/report/page.hpp"
#include "manage/report/record.hpp"
#include "manage/report/recorder.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

struct DemoOptions {
  unsigned guests = 8;
  std::uint64_t memory_bytes = std::uint64_t{32} << 20;  // of each guest
  std::string report;                                    // where a page goes; empty: nowhere
  bool fork = false;                                     // another demo
  Format format = Format::text;
};

constexpr unsigned writers = 2;
constexpr unsigned rewrite_after_ms = 5'000;
constexpr int longest_boot_s = 120;
constexpr int longest_settling_s = 300;
constexpr std::uint64_t least_memory = std::uint64_t{8} << 20;

// How many pages of each kind a guest writes: 20 MiB of 32 MiB.
struct Filling {
  std::uint64_t zero;
  std::uint64_t common;
  std::uint64_t own;
  std::uint64_t rewrite;

  explicit Filling(std::uint64_t memory_bytes)
      : zero(pages_in(memory_bytes).value / 8), common(3 * zero), own(zero), rewrite(zero / 4) {}
};

void require_kvm() {
  if (::access("/dev/kvm", R_OK | W_OK) == 0) return;
  const std::string why = std::strerror(errno);
  throw UserError(fmt::format(
      "cannot use /dev/kvm: {}. On a machine of your own: enable virtualization (VT-x or AMD-V) in the "
      "firmware, 'modprobe kvm_intel' or 'modprobe kvm_amd', and join the group kvm "
      "('usermod -aG kvm USER', then log in again). In a cloud VM: choose a type with nested "
      "virtualization. In a container: pass --device /dev/kvm",
      why));
}

bool is_writer(const DemoOptions& options, unsigned number) {
  return number > options.guests - writers;
}

vmm::GuestProcessConfig guest_config(const DemoOptions& options, unsigned number) {
  const Filling filling(options.memory_bytes);
  vmm::GuestProcessConfig guest;
  guest.name = fmt::format("fill-{}", number);
  guest.image = "fill";
  guest.machine.image = guests::find_image(guest.image);
  guest.machine.memory_bytes = options.memory_bytes;
  guest.machine.command_line =
      fmt::format("zero={} common={} own={} seed={}", filling.zero, filling.common, filling.own, number);
  if (is_writer(options, number)) {
    guest.machine.command_line += fmt::format(" rewrite={} after={}", filling.rewrite, rewrite_after_ms);
  }
  return guest;
}

bool has_printed(const std::string& guest, std::string_view word) {
  return ask_guest(guest, {{"do", "logs"}}).data.find(word) != std::string::npos;
}

void tell_all(const std::vector<std::string>& guests, const char* verb) {
  for (const std::string& guest : guests) ask_guest(guest, {{"do", verb}});
}

void tell_daemon(const json& knobs) {
  json request = knobs;
  request["do"] = "tune";
  if (!dedup::ask_daemon(daemon_socket_path(), request))
    throw UserError("the daemon has ended during the demo");
}

// The names of the guests, all of them ready, the writers paused.
std::vector<std::string> start_guests(DemoHost& host, const DemoOptions& options) {
  std::vector<std::string> names;
  for (unsigned number = 1; number <= options.guests; ++number) {
    const vmm::GuestProcessConfig guest = guest_config(options, number);
    host.start(guest);
    names.push_back(guest.name);
    if (!is_writer(options, number)) continue;
    host.wait_until("waiting until guest " + guest.name + " is ready", longest_boot_s,
                    [&] { return has_printed(guest.name, "ready"); });
    ask_guest(guest.name, {{"do", "pause"}});
  }
  for (const std::string& name : names) {
    host.wait_until("waiting until guest " + name + " is ready", longest_boot_s,
                    [&] { return has_printed(name, "ready"); });
  }
  return names;
}

void merge(DemoHost& host) {
  tell_daemon({{"merging", "on"}});
  guests::Settling settling(2);
  std::string what = "merging";
  host.wait_until(what, longest_settling_s, [&] {
    const bool settled = settling.add(take_snapshot().host);
    what = fmt::format("merging until nothing changes any more: {} pages saved so far", settling.merged());
    return settled && settling.merged() > 0;
  });
}

// Lets the writers write and returns when the daemon has heard of it.
void let_write(DemoHost& host, const std::vector<std::string>& names) {
  for (std::size_t i = names.size() - writers; i < names.size(); ++i) {
    host.wait_until("waiting until guest " + names[i] + " has written", longest_boot_s,
                    [&] { return has_printed(names[i], "rewrote"); });
  }
  const std::uint64_t scans = number(take_snapshot().host, "full_scans");
  host.wait_until("waiting for the next pass", longest_boot_s,
                  [&] { return number(take_snapshot().host, "full_scans") >= scans + 1; });
}

void say(DemoHost& host, const DemoOptions& options, const std::string& text) {
  host.progress().clear();
  if (options.format == Format::text) print_text(text, host.signals());
}

std::string introduction(const DemoOptions& options) {
  const Filling filling(options.memory_bytes);
  return fmt::format(
      "{} guests of {}. Each writes {} pages of zeros, {} that all have and {} of its own; later\n{} of them "
      "write into {} of their common pages.\n\n",
      options.guests, format_size(options.memory_bytes), filling.zero, filling.common, filling.own, writers,
      filling.rewrite);
}

// What a report shows of the demo, recorded while it waits for something else.
class DemoRecord {
 public:
  explicit DemoRecord(DemoHost& host)
      : reader_(history_), recorder_([this](std::string_view line) { reader_.read(line); }, interval) {
    host.at_each_look([this] {
      if (std::chrono::steady_clock::now() >= next_) look();
    });
  }
  void write(const std::string& path) {
    look();
    recorder_.finish();
    report::PageSource source;
    source.history = &history_;
    source.title = "Samepage demo";
    write_report(source, path);
  }

 private:
  void look() {
    next_ = std::chrono::steady_clock::now() + interval;
    if (auto sample = sampler_.sample(interval)) recorder_.record(std::move(*sample));
  }

  static constexpr std::chrono::milliseconds interval{250};

  report::History history_;
  report::RecordReader reader_;
  report::Recorder recorder_;
  guests::Sampler sampler_;
  std::chrono::steady_clock::time_point next_;
};

int demo(const DemoOptions& options) {
  require_kvm();
  if (options.memory_bytes < least_memory)
    throw UserError("the demo's guests need at least 8M of memory each");
  if (options.fork) return demo_fork({options.guests, options.memory_bytes, options.format});
  if (!options.report.empty()) require_writable(options.report);
  DemoHost host;
  std::optional<DemoRecord> record;
  if (!options.report.empty()) record.emplace(host);
  DemoResult result;
  result.ram_bytes = options.guests * options.memory_bytes;
  say(host, options, introduction(options));
  const std::vector<std::string> names = start_guests(host, options);
  result.before = take_snapshot();
  say(host, options, memory_report("BEFORE MERGING", result.before));
  merge(host);
  result.merged = take_snapshot();
  say(host, options, memory_report("AFTER MERGING", result.merged));
  tell_all(names, "pause");
  host.progress().show("comparing all pages byte by byte");
  result.duplicates = count_in_guests(names);
  tell_all(names, "resume");
  let_write(host, names);
  say(host, options, memory_report(fmt::format("AFTER {} WROTE", writers), take_snapshot()));
  if (record) record->write(options.report);
  say(host, options, result.last_line());
  return options.format == Format::json ? print_text(json_text(result.to_json()), host.signals()) : exit_ok;
}

}  // namespace

void add_demo(const Command& program) {
  const Command command = program.add("demo", "Run guests with common pages and show what sharing saves");
  const auto options = std::make_shared<DemoOptions>();
  command.flag("--fork", "Show clones of a guest that takes a while to warm up instead; --guests: the clones",
               options->fork);
  command.number({"--guests", "N", "How many (default: 8)"}, options->guests, 3, 256);
  add_size(command, "--mem", options->memory_bytes, "RAM of each (default: 32M)");
  command.text({"--report", "FILE", "Record it, and write one HTML page as 'samepage report' does"},
               options->report, check_file);
  add_json(command, options->format);
  command.runs([options] { return demo(*options); },
               [options] {
                 if (options->fork && !options->report.empty())
                   throw OptionError("--report", "the demo of forks makes no report; leave --fork or it out");
               });
}

}  // namespace samepage::cli
