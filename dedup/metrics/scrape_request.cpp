// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/scrape_request.hpp"

#include <algorithm>
#include <charconv>

namespace samepage::dedup {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The part before `separator`, which is taken off `rest` together with it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed(part);
}

// RFC 9110, 12.4.2: from 0 ("not this") to 1; what makes no sense is 0.
double quality_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = take(parameters, ';');
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    double quality = 0;
    std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), quality);
    return std::clamp(quality, 0.0, 1.0);
  }
  return 1;
}

}  // namespace

Scrape scrape_of(std::string_view method, std::string_view target) {
  if (target.substr(0, target.find('?')) != "/metrics") return Scrape::not_found;
  if (method == "GET") return Scrape::text;
  return method == "HEAD" ? Scrape::head : Scrape::method_not_allowed;
}

MetricFormat accepted_format(std::string_view accept) {
  double open = 0, plain = 0;
  while (!accept.empty()) {
    std::string_view range = take(accept, ',');
    const std::string_view type = take(range, ';');
    if (type == "application/openmetrics-text") open = std::max(open, quality_of(range));
    if (type == "text/plain") plain = std::max(plain, quality_of(range));
  }
  return open > 0 && open >= plain ? MetricFormat::openmetrics : MetricFormat::prometheus;
}

std::string_view content_type(MetricFormat format) {
  return format == MetricFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                             : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace samepage::dedup
