// SPDX-License-Identifier: Apache-2.0
#include "dedup/report.hpp"

#include <algorithm>
#include <cstring>

#include "base/types.hpp"

namespace samepage::dedup::wire {

std::optional<Report> decode_report(std::span<const std::byte> payload, std::uint32_t pages) {
  const std::array sizes{sizeof(Report), report_without_room, report_without_shortages, report_without_paging,
                         short_report};
  if (std::find(sizes.begin(), sizes.end(), payload.size()) == sizes.end()) return std::nullopt;
  Report report;
  std::memcpy(&report, payload.data(), payload.size());
  const auto few = [pages](std::uint64_t value) { return value <= pages; };
  const auto counted = [](std::uint64_t value) { return value < number_limit; };
  // Metadata and staging are a small part of a guest; a guest may be small.
  const bool sound = few(report.zero_pages) && few(report.volatile_pages) &&
                     report.agent_bytes <= PageCount{pages}.bytes() + (1U << 20U) && counted(report.passes) &&
                     counted(report.breaks) && counted(report.holds) && counted(report.hold_max_us) &&
                     counted(report.failed_merges) && report.tracks_writes <= 1;
  if (!sound) return std::nullopt;
  report.vmas = std::min<std::uint64_t>(report.vmas, pages);  // agents estimate it
  if (payload.size() == short_report) return report;
  const bool whole =
      report.ram_pages == pages && few(report.own_pages) && few(report.shared_pages) &&
      report.backed_pages <= report.shared_pages && report.paged_pages <= report.shared_pages &&
      report.paged_resident_pages <= report.paged_pages && counted(report.paged_out) &&
      counted(report.came_back) && few(report.untouched_pages) &&
      report.own_pages + report.shared_pages + report.zero_pages + report.untouched_pages == pages &&
      few(report.unaffordable_pages) && few(report.lost_store_pages) && counted(report.merges) &&
      counted(report.errors) && counted(report.merge_cpu_us) && counted(report.hold_times.sum_us) &&
      counted(report.available_bytes) && counted(report.limit_bytes) && report.stands_still <= 1 &&
      std::all_of(report.hold_times.holds.begin(), report.hold_times.holds.end(), counted) &&
      std::all_of(report.lacks.begin(), report.lacks.end(),
                  [&](const Lack& lack) { return counted(lack.lasts_ms) && counted(lack.waiting); });
  return whole ? std::optional(report) : std::nullopt;
}

}  // namespace samepage::dedup::wire
