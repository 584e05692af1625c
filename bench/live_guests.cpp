// SPDX-License-Identifier: Apache-2.0
#include "bench/live_guests.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <utility>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/elapsed.hpp"
#include "base/pipe.hpp"
#include "base/process_memory.hpp"
#include "base/standard_output.hpp"
#include "bench/interruption.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

// Without a shell, whose own start would be in the times. A group of its own: a terminal's Ctrl-C is for the
// bench.
pid_t spawn(const std::string& program, Words words, int out) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  words.insert(words.begin(), program);
  const std::vector<char*> argv = argv_of(words);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &files, &attributes, argv.data(), ::environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    errno = error;
    throw_errno("posix_spawn of " + program);
  }
  return pid;
}

}  // namespace

std::string LiveGuests::obstacle() {
  return ::access("/dev/kvm", R_OK | W_OK) == 0 ? "" : "it needs real guests, and /dev/kvm can't be used";
}

std::string LiveGuests::image(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "images" / name;
}

LiveGuests::LiveGuests(const Bench& bench, std::string_view what)
    : program_(std::filesystem::read_symlink("/proc/self/exe").parent_path() / "samepage"),
      pages_(bench.options.pattern.pages.value) {
  if (!bench.measures(Party::samepage))
    throw UserError(fmt::format("{}: ksmd forks no guests; leave --without-samepage out", what));
  if (const std::string why = obstacle(); !why.empty()) throw UserError(fmt::format("{}: {}", what, why));
  ::setenv("SAMEPAGE_RUNTIME_DIR", directory_.path().c_str(), 1);
  ::unsetenv("SAMEPAGE_SOCKET");
}

LiveGuests::~LiveGuests() {
  try {
    kill(names_of(ask({"ps"})));
  } catch (const std::exception& error) {
    complain(fmt::format("samepage-bench: guests may be left running: {}", error.what()));
  }
}

std::string LiveGuests::run(const Words& words) const {
  Pipe pipe = make_pipe();
  const pid_t pid = spawn(program_, words, pipe.writing.get());
  pipe.writing.reset();
  std::string out;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = ::read(pipe.reading.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.append(part.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw UserError(fmt::format("'samepage {}' failed", fmt::join(words, " ")));
  return out;
}

json LiveGuests::ask(Words words) const {
  words.emplace_back("--json");
  return json::parse(run(words));
}

std::uint64_t LiveGuests::figure(const std::string& guest, const std::string& key) const {
  return ask({"stat", guest}).at(key).get<std::uint64_t>();
}

void LiveGuests::kill(const Words& guests) const {
  if (guests.empty()) return;
  Words words{"kill"};
  words.insert(words.end(), guests.begin(), guests.end());
  static_cast<void>(run(words));
}

void LiveGuests::start_filled(const std::string& name) const {
  const std::uint64_t memory_mib = std::max<std::uint64_t>(16, 4 * pages_ / 256);
  static_cast<void>(run({"run", "--detach", "--name", name, "--mem", fmt::format("{}M", memory_mib), "fill",
                         "--", fmt::format("own={}", pages_)}));
  wait_for(name, "ready");
}

void LiveGuests::start_serving(const std::string& name) const {
  const std::uint64_t memory_mib = std::max<std::uint64_t>(16, 2 * pages_ / 256);
  static_cast<void>(run({"run", "--detach", "--name", name, "--mem", fmt::format("{}M", memory_mib), "serve",
                         "--", fmt::format("pages={}", serving_pages()), "rounds=1"}));
  wait_for(name, "ready");
}

void LiveGuests::wait_for(const std::string& guest, const std::string& text) const {
  wait_until([&] { return run({"logs", guest}).find(text) != std::string::npos; });
}

void LiveGuests::wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      throw UserError("a guest did not come to where it was to be within a minute");
    pause_for(std::chrono::milliseconds(1));
  }
}

Words names_of(const json& guests) {
  Words names;
  for (const json& guest : guests) names.push_back(guest.at("name"));
  return names;
}

std::uint64_t pss_of(const json& guests) {
  std::uint64_t sum = 0;
  for (const json& guest : guests) sum += memory_of(guest.at("pid")).value_or(ProcessMemory{}).pss;
  return sum;
}

void add_many(Bench& bench, const LiveGuests& guests, std::string_view name, std::string_view what,
              Words words) {
  constexpr double kib = 1024;
  const double count = bench.options.clones;
  words.insert(words.end(), {"--count", std::to_string(bench.options.clones)});
  const auto before = static_cast<double>(host_memory("MemAvailable"));
  const auto start = std::chrono::steady_clock::now();
  const json answer = guests.ask(std::move(words));
  const double took = ms_since(start);
  const auto after = static_cast<double>(host_memory("MemAvailable"));
  const json& started = answer.is_array() ? answer : answer.at("guests");
  const auto add = [&](const std::string& figure, std::string_view unit, double value) {
    bench.report.add(name, figure, unit, Party::samepage, value);
  };
  add(fmt::format("{}s of one command", what), "1/s", count * 1000 / took);
  add(fmt::format("memory of a {}: MemAvailable", what), "KiB", (before - after) / kib / count);
  add(fmt::format("memory of a {}: Pss", what), "KiB", static_cast<double>(pss_of(started)) / kib / count);
  guests.kill(names_of(started));
}

void add_percentiles(Bench& bench, std::string_view name, const std::string& figure, std::string_view unit,
                     const std::vector<double>& values) {
  for (const double percent : {50.0, 99.0}) {
    bench.report.add(name, fmt::format("{}, p{:.0f}", figure, percent), unit, Party::samepage,
                     percentile(values, percent));
  }
}

}  // namespace samepage::bench
