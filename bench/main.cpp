// SPDX-License-Identifier: Apache-2.0
// samepage-bench: measures Samepage and ksmd side by side. Needs no guest and no /dev/kvm; ksmd's column
// needs root.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/ksm_knobs.hpp"

namespace {

using namespace samepage;
using namespace samepage::bench;

std::vector<Party> parties_of(const Options& options) {
  std::vector<Party> parties;
  if (!options.without_samepage) parties.push_back(Party::samepage);
  if (options.without_ksmd) return parties;
  if (!may_tune_ksm()) {
    fmt::print(stderr,
               "samepage-bench: /sys/kernel/mm/ksm can't be written, so ksmd's column stays empty; run it as "
               "root\n");
    return parties;
  }
  if (ksm_number("pages_shared") != 0) {
    fmt::print(stderr,
               "samepage-bench: KSM has merged pages of others on this host; its figures hold them\n");
  }
  parties.push_back(Party::ksmd);
  return parties;
}

void measure(const Options& options) {
  Bench bench{options, images_of(options), parties_of(options), {}};
  std::optional<KsmKnobGuard> guard;
  for (const Party party : bench.parties) {
    if (party == Party::ksmd) guard.emplace();
  }
  bool known = false;
  for (const Case& one : all_cases()) {
    if (options.bench_case != one.name && options.bench_case != "all") continue;
    known = true;
    one.measure(bench);
  }
  if (!known) {
    throw UserError(fmt::format("there is no case '{}'; --help names them", options.bench_case));
  }
  const auto rows = bench.report.rows();
  fmt::print("{}", options.json ? json_of(rows).dump(2) + "\n" : table_of(rows));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  try {
    const Options options = parse_options(app, argc, argv);
    note_interruptions();
    measure(options);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepage-bench: {}\n", error.what());
    return 1;
  }
}
