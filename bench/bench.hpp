// SPDX-License-Identifier: Apache-2.0
// What all cases share, and what a case is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/engine.hpp"
#include "bench/floor.hpp"
#include "bench/image.hpp"
#include "bench/memory_set.hpp"
#include "bench/options.hpp"
#include "bench/process_clock.hpp"
#include "bench/report.hpp"

namespace samepage::bench {

/// What all cases share.
struct Bench {
  const Options& options;
  std::vector<Image> images;
  std::vector<Party> parties;  // those that can be measured on this host
  Report report;
  std::optional<SetFigures> set;  // what was measured on, and the floor of each run: where a case tells them
  std::vector<Floor> floors;

  [[nodiscard]] std::unique_ptr<Engine> engine(Party party) const;
  [[nodiscard]] bool measures(Party party) const;
  /// Says on stderr why a figure is missing.
  void note(std::string_view what, Party party, std::string_view text) const;
  /// Calls measure(party) for each party in turns, as often as there are runs; says so on stderr.
  void in_turns(std::string_view what, const std::function<void(Party)>& measure) const;
};

struct Case : CaseName {
  bool generated;  // uses guests of its own even when images are given
  bool live;       // real ones
  void (*measure)(Bench& bench);
};

/// The holders' guests, merged by `engine` at its fastest until nothing changes.
void settle(Engine& engine, Holders& holders, const Options& options);

}  // namespace samepage::bench
