// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/worst_case.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/types.hpp"
#include "base/units.hpp"

namespace samepage::dedup {

void WorstCases::add(const wire::Report& report) {
  const std::uint64_t needed = PageCount{report.worst_case_pages()}.bytes();
  Place& all = places_.at(host);
  all.needed += needed;
  ++all.guests;
  if (report.place == host || report.limit_bytes == 0) return;
  Place& place = places_.try_emplace(report.place, Place{0, report.available_bytes}).first->second;
  place.needed += needed;
  place.available = std::min(place.available, report.available_bytes);
  ++place.guests;
}

std::uint64_t WorstCases::uncovered() const {
  std::uint64_t most = 0;
  for (const auto& [number, place] : places_) most = std::max(most, place.uncovered());
  return most;
}

UncoveredPlaces::News UncoveredPlaces::compare(const WorstCases& now) {
  News news;
  for (const auto& [number, place] : now.places()) {
    if (place.uncovered() > 0 && uncovered_.insert(number).second) news.begins.push_back(number);
    if (place.needed <= place.available - place.available / 10 && uncovered_.erase(number) > 0)
      news.over.push_back(number);
  }
  std::erase_if(uncovered_, [&](std::uint64_t number) { return !now.places().contains(number); });
  return news;
}

void UncoveredPlaces::tell(const WorstCases& now) {
  const News news = compare(now);
  const auto name = [](std::uint64_t number) {
    return number == WorstCases::host ? "the host" : "a memory cgroup";
  };
  for (const std::uint64_t number : news.begins) {
    const WorstCases::Place& place = now.places().at(number);
    log(LogLevel::warning,
        "if the {} guests of {} wrote all that they share, they would need {}, and {} are left: end some, "
        "raise "
        "the limit, add a paging file, or bound what guests are promised with 'samepage tune overcommit='",
        place.guests, name(number), format_size(place.needed), format_size(place.available));
  }
  for (const std::uint64_t number : news.over)
    log(LogLevel::warning, "what guests of {} share is covered again by the memory that is left",
        name(number));
}

}  // namespace samepage::dedup
