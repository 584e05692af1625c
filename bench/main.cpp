// SPDX-License-Identifier: Apache-2.0
// samepage-bench: measures Samepage and ksmd side by side. Needs no guest and no /dev/kvm, but for what is
// told of real guests; ksmd's column needs root.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/parse_outcome.hpp"
#include "base/process_setup.hpp"
#include "base/standard_output.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/ksm_knobs.hpp"
#include "bench/live_guests.hpp"
#include "dedup/json_text.hpp"
#include "vmm/control/exit_code.hpp"

namespace {

using namespace samepage;
using namespace samepage::bench;

std::vector<Party> parties_of(const Options& options, const Ksm& ksm) {
  std::vector<Party> parties;
  if (!options.without_samepage) parties.push_back(Party::samepage);
  if (options.without_ksmd) return parties;
  if (const std::string obstacle = ksm.obstacle(); !obstacle.empty()) throw UserError(obstacle);
  if (ksm.number("pages_shared") != 0) {
    complain(fmt::format(
        "samepage-bench: what KSM has merged for others on this host is unmerged; afterwards ksmd merges it "
        "again if it was running"));
  }
  parties.push_back(Party::ksmd);
  return parties;
}

void print(const Options& options, const Bench& bench) {
  const auto rows = bench.report.rows();
  if (options.json) {
    nlohmann::json all = json_of(rows);
    if (bench.set) all["set"] = json_of(*bench.set);
    if (!bench.floors.empty()) all["floor"] = json_of(median_of(bench.floors));
    print_out(dedup::json_text(all, 2) + "\n");
    return;
  }
  if (bench.set) print_out(text_of(*bench.set) + "\n");
  if (!bench.floors.empty()) print_out(text_of(median_of(bench.floors)) + "\n\n");
  print_out(table_of(rows));
}

void measure(const Options& options) {
  const Ksm ksm;
  Bench bench{options, images_of(options), parties_of(options, ksm), {}, {}, {}};
  std::optional<KsmKnobGuard> guard;
  if (bench.measures(Party::ksmd)) guard.emplace(ksm);
  try {
    for (const Case& one : all_cases()) {
      if (options.bench_case != one.name && options.bench_case != "all") continue;
      if (options.bench_case == "all" && one.live && !LiveGuests::obstacle().empty()) {
        complain(fmt::format("samepage-bench: {} is left out: {}", one.name, LiveGuests::obstacle()));
        continue;
      }
      if (one.generated && !options.image_paths.empty()) {
        complain(
            fmt::format("samepage-bench: {} is measured on guests of its own, not on the images", one.name));
      }
      one.measure(bench);
    }
  } catch (const std::exception&) {
    if (!bench.report.rows().empty()) print(options, bench);  // what was measured so far
    throw;
  }
  print(options, bench);
}

int run(int argc, char** argv) {
  CLI::App app;
  Options options;
  try {
    options = parse_options(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return tell_parse_outcome(app, error, exit_usage);
  } catch (const UserError& error) {
    complain(fmt::format("samepage-bench: {}", error.what()));
    return exit_usage;
  }
  note_interruptions();
  measure(options);
  return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    return run(argc, argv);
  } catch (const ReaderGone&) {
    return exit_by_signal(SIGPIPE);
  } catch (const Interrupted& interrupted) {
    complain("samepage-bench: interrupted; what was measured so far is above");
    return exit_by_signal(interrupted.signal());
  } catch (const std::exception& error) {
    complain(fmt::format("samepage-bench: {}", error.what()));
    return exit_failure;
  }
}
