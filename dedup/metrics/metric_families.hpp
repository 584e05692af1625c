// SPDX-License-Identifier: Apache-2.0
// Which metrics there are, and their text. Names, units, kinds and help come from the lists of figures
// (dedup/host_figures, dedup/agent_figures); docs/metrics.md has the same list, and a test compares it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dedup/metrics/metric_text.hpp"
#include "dedup/metrics/metrics_snapshot.hpp"

namespace samepage::dedup {

struct KnownMetric {
  MetricFamily family;
  std::string_view labels;  // their names
};
/// All, in the order of the text.
[[nodiscard]] std::vector<KnownMetric> known_metrics();

[[nodiscard]] std::string metrics_text(const MetricsSnapshot& snapshot, MetricFormat format);

}  // namespace samepage::dedup
