// SPDX-License-Identifier: Apache-2.0
// Runs that say where something is, and newer ones laid over them. Pure.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

namespace samepage {

/// `below` with `above` laid over it; of both and of the result: in ascending order, without overlap, and in
/// the result what goes on where the last one ends is one run with it. Found beside the type, for a `Run`:
///   first_of(run), end_of(run)   the half-open range that it tells of
///   part_of(run, first, end)     the same of a part of the range, which may be empty
///   extend_to(run, end)          makes its range longer
///   continues(run, next)         whether `next` lies behind `run` in both places
template <typename Run>
[[nodiscard]] std::vector<Run> laid_over(std::span<const Run> below, std::span<const Run> above) {
  std::vector<Run> runs;
  const auto add = [&runs](const Run& run) {
    if (!(first_of(run) < end_of(run))) return;
    if (!runs.empty() && continues(runs.back(), run)) {
      extend_to(runs.back(), end_of(run));
    } else {
      runs.push_back(run);
    }
  };
  auto upper = above.begin();
  for (Run run : below) {
    for (; upper != above.end() && first_of(*upper) < end_of(run); ++upper) {
      // What sticks out below it stays, what it covers goes.
      if (first_of(run) < first_of(*upper)) add(part_of(run, first_of(run), first_of(*upper)));
      const auto covered = std::clamp(end_of(*upper), first_of(run), end_of(run));
      run = part_of(run, covered, end_of(run));
      if (!(first_of(run) < end_of(run))) break;  // it may cover the next one too
      add(*upper);
    }
    add(run);
  }
  for (; upper != above.end(); ++upper) add(*upper);
  return runs;
}

}  // namespace samepage
