// SPDX-License-Identifier: Apache-2.0
// The cases: what is measured, one function each, in a file of its name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
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

struct Case {
  std::string_view name;
  std::string_view help;
  bool generated;  // uses guests of its own even when images are given
  bool live;       // real ones
  void (*measure)(Bench& bench);
};
std::span<const Case> all_cases();

/// The holders' guests, merged by `engine` at its fastest until nothing changes.
void settle(Engine& engine, Holders& holders, const Options& options);

void measure_merge(Bench& bench);
void measure_idle(Bench& bench);
void measure_converge(Bench& bench);
void measure_break(Bench& bench);
void measure_hold(Bench& bench);
void measure_slowdown(Bench& bench);
void measure_scale(Bench& bench);
void measure_latency(Bench& bench);
void measure_many(Bench& bench);
void measure_fork(Bench& bench);
void measure_restore(Bench& bench);
void measure_rollback(Bench& bench);
void measure_touch(Bench& bench);
void measure_suspend(Bench& bench);
void measure_beside(Bench& bench);
void measure_ledger(Bench& bench);
void measure_crowd(Bench& bench);

}  // namespace samepage::bench
