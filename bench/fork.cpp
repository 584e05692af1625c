// SPDX-License-Identifier: Apache-2.0
// samepage-fork-bench: how long forks, restores and rollbacks take, and what a clone costs, beside a cold
// start of the same guest. Runs the programs that it was built with, as a person would. Needs /dev/kvm.
#include <fmt/format.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "base/parse_outcome.hpp"
#include "base/process_memory.hpp"
#include "base/standard_output.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "bench/statistics.hpp"
#include "dedup/json_text.hpp"
#include "vmm/control/exit_code.hpp"

namespace {

using namespace samepage;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Options {
  unsigned memory_mib = 256, touched_mib = 64;
  unsigned forks = 100, clones = 100, colds = 5;
  bool json = false;
};

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The built `samepage`, which stands beside this program.
class Samepage {
 public:
  Samepage() : program_(std::filesystem::read_symlink("/proc/self/exe").parent_path() / "samepage") {
    ::setenv("SAMEPAGE_RUNTIME_DIR", directory_.path().c_str(), 1);
  }
  // What it prints. Throws UserError when it fails.
  [[nodiscard]] std::string operator()(const std::string& words) const {
    std::FILE* const pipe = ::popen(fmt::format("'{}' {} </dev/null", program_, words).c_str(), "r");
    if (pipe == nullptr) throw_errno("popen");
    std::string out;
    std::array<char, 4096> part{};
    for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
      out.append(part.data(), got);
    const int status = ::pclose(pipe);
    if (status != 0) throw UserError(fmt::format("'samepage {}' failed", words));
    return out;
  }
  [[nodiscard]] json ask(const std::string& words) const { return json::parse((*this)(words + " --json")); }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_.path() + "/" + name; }
  void kill_all() const {
    std::string names;
    for (const json& guest : ask("ps")) names += " " + guest.at("name").get<std::string>();
    if (!names.empty()) static_cast<void>((*this)("kill" + names));
  }

 private:
  TemporaryDirectory directory_;
  std::string program_;
};

struct Row {
  std::string what, unit;
  std::vector<double> values;
};

class Table {
 public:
  void add(const std::string& what, const std::string& unit, double value) {
    for (Row& row : rows_) {
      if (row.what == what) return row.values.push_back(value);
    }
    rows_.push_back({what, unit, {value}});
  }
  [[nodiscard]] json to_json() const {
    json list = json::array();
    for (const Row& row : rows_) {
      const bench::Spread spread = bench::spread_of(row.values);
      list.push_back({{"what", row.what},
                      {"unit", row.unit},
                      {"median", spread.median},
                      {"p99", bench::percentile(row.values, 99)},
                      {"min", spread.min},
                      {"max", spread.max},
                      {"runs", spread.runs}});
    }
    return list;
  }
  [[nodiscard]] std::string text() const {
    std::string text = fmt::format("{:<44}{:>6}{:>10}{:>10}{:>6}\n", "WHAT", "UNIT", "MEDIAN", "P99", "RUNS");
    for (const Row& row : rows_) {
      const bench::Spread spread = bench::spread_of(row.values);
      text += fmt::format("{:<44}{:>6}{:>10.3f}{:>10.3f}{:>6}\n", row.what, row.unit, spread.median,
                          bench::percentile(row.values, 99), spread.runs);
    }
    return text;
  }

 private:
  std::vector<Row> rows_;
};

void wait_until(const std::function<bool()>& condition) {
  const auto end = Clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (Clock::now() > end) throw UserError("the guest did not come to where it was to be within 60 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string start_of(const Options& options, const std::string& name) {
  return fmt::format("run --detach --name {} --mem {}M fill -- own={}", name, options.memory_mib,
                     options.touched_mib * 256);
}

void start_warm(const Samepage& samepage, const Options& options, const std::string& name) {
  static_cast<void>(samepage(start_of(options, name)));
  wait_until([&] { return samepage("logs " + name).find("ready") != std::string::npos; });
}

std::uint64_t pss_of(const json& guests) {
  std::uint64_t sum = 0;
  for (const json& guest : guests) {
    std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", guest.at("pid").get<int>()));
    for (std::string line; std::getline(rollup, line);) {
      unsigned long long kib = 0;
      if (std::sscanf(line.c_str(), "Pss: %llu", &kib) == 1) sum += kib << 10U;
    }
  }
  return sum;
}

void measure_cold(const Samepage& samepage, const Options& options, Table& table) {
  for (unsigned i = 0; i < options.colds; ++i) {
    const auto start = Clock::now();
    start_warm(samepage, options, "cold");
    table.add("cold start until the guest is warm", "ms", ms_since(start));
    static_cast<void>(samepage("kill cold"));
  }
}

void measure_forks(const Samepage& samepage, const Options& options, Table& table) {
  for (unsigned i = 0; i < options.forks; ++i) {
    const auto start = Clock::now();
    const json forked = samepage.ask(fmt::format("fork parent --name clone-{}", i));
    const double took = ms_since(start);
    const std::string which = i == 0 ? "first fork: " : "fork: ";
    table.add(which + "command until the clone runs", "ms", took);
    table.add(which + "parent held", "ms", forked.at("held_us").get<double>() / 1000);
    table.add(which + "pages copied", "",
              forked.at("pages").get<double>() + forked.at("pages_held").get<double>());
    static_cast<void>(samepage(fmt::format("kill clone-{}", i)));
    // The parent's own pages are mapped from the first fork's memory by now.
    if (i == 0) {
      wait_until([&] {
        return samepage.ask("stat parent").at("backed_bytes").get<std::uint64_t>() >=
               std::uint64_t{options.touched_mib} << 20U;
      });
    }
  }
}

// Of a clone that has written next to nothing: its memory is in its parent's file.
void measure_first_forks(const Samepage& samepage, const Options& options, Table& table) {
  for (unsigned i = 0; i < options.colds; ++i) {
    static_cast<void>(samepage("fork parent --name child"));
    const auto start = Clock::now();
    const json forked = samepage.ask("fork child --name grandchild");
    table.add("a clone's first fork: command until it runs", "ms", ms_since(start));
    table.add("a clone's first fork: clone held", "ms", forked.at("held_us").get<double>() / 1000);
    table.add("a clone's first fork: pages copied", "",
              forked.at("pages").get<double>() + forked.at("pages_held").get<double>());
    static_cast<void>(samepage("kill child grandchild"));
  }
}

void measure_clones(const Samepage& samepage, const Options& options, Table& table) {
  constexpr double kib = 1024;
  for (unsigned round = 0; round < 3; ++round) {
    const double before = static_cast<double>(host_memory("MemAvailable"));
    const auto start = Clock::now();
    const json forked = samepage.ask(fmt::format("fork parent --name many --count {}", options.clones));
    table.add("clones of one command", "1/s", options.clones * 1000 / ms_since(start));
    const double after = static_cast<double>(host_memory("MemAvailable"));
    table.add("a clone's memory: MemAvailable", "KiB", (before - after) / kib / options.clones);
    table.add("a clone's memory: Pss", "KiB",
              static_cast<double>(pss_of(forked.at("guests"))) / kib / options.clones);
    std::string names;
    for (const json& guest : forked.at("guests")) names += " " + guest.at("name").get<std::string>();
    static_cast<void>(samepage("kill" + names));
  }
}

void measure_restores(const Samepage& samepage, const Options& options, Table& table) {
  const std::string file = samepage.file("parent.snap");
  const auto start = Clock::now();
  const json taken = samepage.ask("snapshot parent " + file);
  table.add("snapshot: command", "ms", ms_since(start));
  table.add("snapshot: guest held", "ms", taken.at("held_us").get<double>() / 1000);
  const auto based = Clock::now();
  const json part =
      samepage.ask(fmt::format("snapshot parent {} --incremental {}", samepage.file("part"), file));
  table.add("incremental snapshot: command", "ms", ms_since(based));
  table.add("incremental snapshot: pages copied", "",
            part.at("pages").get<double>() + part.at("pages_held").get<double>());
  const auto checked = Clock::now();
  static_cast<void>(samepage.ask("check " + file));
  table.add("check: command", "ms", ms_since(checked));
  for (unsigned i = 0; i < options.forks; ++i) {
    const auto begun = Clock::now();
    static_cast<void>(samepage(fmt::format("restore {} --detach --name restored", file)));
    table.add("restore: command until the guest runs", "ms", ms_since(begun));
    static_cast<void>(samepage("kill restored"));
  }
}

void measure_rollbacks(const Samepage& samepage, const Options& options, Table& table) {
  static_cast<void>(samepage("fork parent --name quiet"));
  static_cast<void>(samepage("run --detach --name writer --mem 64M torture -- pages=1000 seconds=100000"));
  static_cast<void>(samepage("fork writer --name busy"));
  for (unsigned i = 0; i < options.forks; ++i) {
    const json quiet = samepage.ask("rollback quiet");
    table.add("rollback: nothing written", "us", quiet.at("took_us").get<double>());
    const json busy = samepage.ask("rollback busy");
    table.add("rollback: pages that were written", "", busy.at("pages").get<double>());
    table.add("rollback: with those", "us", busy.at("took_us").get<double>());
  }
}

void measure(const Options& options) {
  const Samepage samepage;
  Table table;
  try {
    measure_cold(samepage, options, table);
    start_warm(samepage, options, "parent");
    measure_forks(samepage, options, table);
    measure_first_forks(samepage, options, table);
    measure_clones(samepage, options, table);
    measure_restores(samepage, options, table);
    measure_rollbacks(samepage, options, table);
    samepage.kill_all();
  } catch (...) {
    samepage.kill_all();
    throw;
  }
  print_out(options.json ? dedup::json_text({{"rows", table.to_json()}}, 2) + "\n" : table.text());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures forks, restores and rollbacks beside a cold start of the same guest");
  Options options;
  app.add_option("--mem", options.memory_mib, "The guest's RAM in MiB")->check(CLI::Range(16, 65536));
  app.add_option("--touched", options.touched_mib, "What of it the guest has written, in MiB")
      ->check(CLI::Range(1, 65536));
  app.add_option("--forks", options.forks, "Forks, restores and rollbacks")->check(CLI::Range(1, 100000));
  app.add_option("--clones", options.clones, "Clones of one command")->check(CLI::Range(1, 4096));
  app.add_flag("--json", options.json, "Print JSON instead of a table");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tell_parse_outcome(app, error, exit_usage);
  }
  try {
    measure(options);
  } catch (const std::exception& error) {
    complain(fmt::format("samepage-fork-bench: {}", error.what()));
    return exit_failure;
  }
  return exit_ok;
}
