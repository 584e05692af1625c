// SPDX-License-Identifier: Apache-2.0
// The options of samepage-bench.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/engine.hpp"
#include "bench/image.hpp"

namespace samepage::bench {

struct Options {
  std::string bench_case;
  std::vector<std::string> image_paths;
  std::vector<std::string> sets;  // one after the other, in place of the images: see sets.hpp
  std::uint32_t guests = 8;
  ImagePattern pattern;
  std::uint32_t runs = 3;
  std::uint32_t rounds = 5;         // what a case repeats within a run: passes, samples
  std::uint32_t forks = 100;        // of a real guest, within a run; restores and rollbacks too
  std::uint32_t clones = 100;       // of one command
  std::uint32_t most = 256;         // guests where a case takes more and more
  std::chrono::seconds limit{300};  // of waiting for sharing to settle
  std::string disk = "/var/tmp";    // folder of paging files and of swap files
  Knobs knobs;
  SmartScan smart_scan = SmartScan::off;
  bool without_ksmd = false;
  bool without_samepage = false;
  bool without_qemu = false;
  bool without_swap = false;  // of the kernel's, beside which pages that go out are measured
  bool json = false;
};

/// What can be measured: its name, and a few words.
struct CaseName {
  std::string_view name, help;
};

/// Throws CLI::ParseError, also for --help: `app` has the text then. Throws UserError.
Options parse_options(CLI::App& app, int argc, char** argv, std::span<const CaseName> cases);

/// The images that are meant: the files, or a generated one for each guest. Throws UserError when a file
/// can't be read or the shares of a generated set don't add up.
std::vector<Image> images_of(const Options& options);

}  // namespace samepage::bench
