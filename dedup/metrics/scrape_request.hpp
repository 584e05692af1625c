// SPDX-License-Identifier: Apache-2.0
// What an HTTP request to the metrics gets: their text in one of two formats, or a refusal. Pure.
#pragma once

#include <string_view>

#include "dedup/metrics/metric_text.hpp"

namespace samepage::dedup {

enum class Scrape : std::uint8_t { text, head, not_found, method_not_allowed };

/// GET and HEAD of /metrics, whatever stands behind a '?'.
[[nodiscard]] Scrape scrape_of(std::string_view method, std::string_view target);

/// The format that the peer likes best (the header Accept; empty: it did not say). OpenMetrics is told to
/// peers that name it only.
[[nodiscard]] MetricFormat accepted_format(std::string_view accept);

[[nodiscard]] std::string_view content_type(MetricFormat format);

}  // namespace samepage::dedup
