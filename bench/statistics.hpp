// SPDX-License-Identifier: Apache-2.0
// Statistics of repeated measurements: median, spread, percentiles. Pure.
#pragma once

#include <cstddef>
#include <vector>

namespace samepage::bench {

/// One measured quantity over several runs.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
  std::size_t runs = 0;
};

/// Of at least one value.
Spread spread_of(std::vector<double> values);

/// The smallest value that is not below `percent` % of all (nearest rank); 0 when there is none.
double percentile(std::vector<double> values, double percent);

}  // namespace samepage::bench
