// SPDX-License-Identifier: Apache-2.0
// samepage-bench: measures Samepage and ksmd side by side. Needs no guest and no /dev/kvm, but for what is
// told of real guests; ksmd's column needs root.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/parse_outcome.hpp"
#include "base/process_setup.hpp"
#include "base/standard_output.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/ksm_knobs.hpp"
#include "bench/live_guests.hpp"
#include "bench/sets.hpp"
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

// One set's figures, as they are printed.
nlohmann::json json_of(const Bench& bench) {
  nlohmann::json all = json_of(bench.report.rows());
  if (bench.set) all["set"] = json_of(*bench.set);
  if (!bench.floors.empty()) all["floor"] = json_of(median_of(bench.floors));
  return all;
}

std::string text_of(const Bench& bench) {
  std::string text;
  if (bench.set) text += text_of(*bench.set) + "\n";
  if (!bench.floors.empty()) text += text_of(median_of(bench.floors)) + "\n\n";
  return text + table_of(bench.report.rows());
}

void measure_cases(const Options& options, Bench& bench) {
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
}

// What was measured before an error is given to `print` all the same.
template <typename Print>
void measure_set(const Options& options, const std::vector<Party>& parties, const Print& print) {
  Bench bench{options, images_of(options), parties, {}, {}, {}};
  try {
    measure_cases(options, bench);
  } catch (const std::exception&) {
    if (!bench.report.rows().empty()) print(bench);
    throw;
  }
  print(bench);
}

// Each set by its name, one after the other.
void measure_sets(const Options& options, const std::vector<Party>& parties) {
  std::vector<std::pair<std::string, Options>> sets;  // a mistake in the last one is told at once
  for (const std::string& set : options.sets) sets.emplace_back(name_of_set(set), on_set(options, set));
  nlohmann::json all = nlohmann::json::array();
  const auto print_all = [&] {
    if (options.json && !all.empty()) print_out(dedup::json_text({{"sets", all}}, 2) + "\n");
  };
  try {
    for (const auto& [name, on] : sets) {
      complain(fmt::format("set {}", name));
      measure_set(on, parties, [&, &title = name](const Bench& bench) {
        nlohmann::json figures = json_of(bench);
        figures["name"] = title;
        all.push_back(std::move(figures));
        if (!options.json) print_out(fmt::format("Set {}: {}\n", title, text_of(bench)));
      });
    }
  } catch (const std::exception&) {
    print_all();
    throw;
  }
  print_all();
}

void measure(const Options& options) {
  const Ksm ksm;
  const std::vector<Party> parties = parties_of(options, ksm);
  std::optional<KsmKnobGuard> guard;
  if (std::find(parties.begin(), parties.end(), Party::ksmd) != parties.end()) guard.emplace(ksm);
  if (!options.sets.empty()) {
    measure_sets(options, parties);
    return;
  }
  measure_set(options, parties, [&](const Bench& bench) {
    print_out(options.json ? dedup::json_text(json_of(bench), 2) + "\n" : text_of(bench));
  });
}

int run(int argc, char** argv) {
  CLI::App app;
  Options options;
  try {
    options = parse_options(app, argc, argv, case_names());
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
