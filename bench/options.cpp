// SPDX-License-Identifier: Apache-2.0
#include "bench/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "base/check.hpp"

namespace samepage::bench {
namespace {

Knobs knobs_from(const std::vector<std::string>& settings) {
  Knobs knobs;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos) throw UserError(fmt::format("a knob is KNOB=VALUE, not '{}'", setting));
    knobs[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  return knobs;
}

std::vector<std::string> names_of(std::span<const CaseName> cases) {
  std::vector<std::string> names{"all"};
  for (const CaseName& one : cases) names.emplace_back(one.name);
  return names;
}

std::string help_of(std::span<const CaseName> cases) {
  std::string help = "what to measure:";
  for (const CaseName& one : cases) help += fmt::format("\n  {:<10}{}", one.name, one.help);
  return help + fmt::format("\n  {:<10}{}", "all", "one after the other");
}

}  // namespace

Options parse_options(CLI::App& app, int argc, char** argv, std::span<const CaseName> cases) {
  app.description(
      "samepage-bench - Samepage beside ksmd, on the same memory, in turns.\n"
      "IMAGES are raw RAM files of any VMM; without them a set is generated.");
  Options options;
  std::vector<std::string> knobs;
  std::int64_t limit = options.limit.count();
  bool smart_scan = false, spread = false;
  const CLI::Range percentage(0.0, 100.0), positive(1U, std::numeric_limits<std::uint32_t>::max());
  app.add_option("CASE", options.bench_case, help_of(cases))
      ->required()
      ->check(CLI::IsMember(names_of(cases)));
  app.add_option("IMAGES", options.image_paths, "raw RAM files, one for each guest");
  app.add_flag("--json", options.json, "print {rows: [...]} instead of a table");
  app.add_option("--runs", options.runs, "of each side, in turns")->check(CLI::Range(1, 1000));
  app.add_option("--rounds", options.rounds, "what a case repeats within a run")->check(CLI::Range(1, 1000));
  app.add_option("--guests", options.guests, "of a generated set")->check(CLI::Range(1, 4096));
  app.add_option("--pages", options.pattern.pages.value, "of each generated guest")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 28U));
  app.add_option("--forks", options.forks, "forks, restores and rollbacks of a real guest within a run")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--clones", options.clones, "of a real guest, by one command")->check(CLI::Range(1, 4096));
  app.add_option(
         "--set", options.sets,
         "FOLDER of RAM images, or generated[:KEY=VALUE,...] with guests, pages, zero, common, alike, "
         "own, run, zero-run, lengths, seed; may be repeated: each case is measured on each set")
      ->allow_extra_args(false);
  app.add_option("--zero", options.pattern.zero_percent, "% of zero pages")->check(percentage);
  app.add_option("--common", options.pattern.common_percent, "% of pages that all guests have")
      ->check(percentage);
  app.add_option("--most", options.most, "guests of cases with more and more of them: 4, 16, 64, 256...")
      ->check(CLI::Range(1, 4096));
  app.add_option("--alike", options.pattern.alike_percent, "% of pages one word apart from a common one")
      ->check(percentage);
  app.add_option("--own", options.pattern.own_percent, "% of pages that no other guest has")
      ->check(percentage);
  app.add_option("--run-length", options.pattern.run_length, "of common and own pages")->check(positive);
  app.add_option("--zero-run-length", options.pattern.zero_run_length, "of zero pages")->check(positive);
  app.add_flag("--spread-run-lengths", spread, "lengths of runs are those on the average only");
  app.add_option("--seed", options.pattern.seed, "of the generated set");
  app.add_option("--limit", limit, "seconds to wait at most for sharing to settle")
      ->check(CLI::Range(1, 86'400));
  app.add_option("--disk", options.disk, "folder for paging files and swap files (default: /var/tmp)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--knob", knobs, "KNOB=VALUE of samepaged, whatever the case sets");
  app.add_flag("--smart-scan", smart_scan, "let ksmd skip pages that it did not merge before");
  app.add_flag("--without-ksmd", options.without_ksmd, "measure ours alone");
  app.add_flag("--without-samepage", options.without_samepage, "measure ksmd alone");
  app.add_flag("--without-qemu", options.without_qemu, "leave out QEMU's guests beside ours");
  app.add_flag("--without-swap", options.without_swap, "turn no swap on, and leave figures of it out");
  app.parse(argc, argv);
  if (options.without_samepage && options.without_ksmd) {
    throw UserError("nothing is left to measure: take --without-samepage or --without-ksmd, not both");
  }
  if (!options.sets.empty() && !options.image_paths.empty()) {
    throw UserError("images are given by name or with --set FOLDER, not both");
  }
  if (spread) options.pattern.lengths = RunLengths::spread;
  options.knobs = knobs_from(knobs);
  options.limit = std::chrono::seconds(limit);
  options.smart_scan = smart_scan ? SmartScan::on : SmartScan::off;
  return options;
}

std::vector<Image> images_of(const Options& options) {
  std::vector<Image> images;
  for (const std::string& path : options.image_paths) images.emplace_back(path);
  if (!images.empty()) return images;
  for (std::uint32_t guest = 0; guest < options.guests; ++guest) images.emplace_back(options.pattern, guest);
  return images;
}

}  // namespace samepage::bench
