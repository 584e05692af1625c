// SPDX-License-Identifier: Apache-2.0
// The message REPORT of protocol.hpp: what an agent says of itself and its guest after each pass. It has
// grown at its end, version by version. Plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dedup/hold_times.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup::wire {

/// Numbers that peers tell are below this: they can be added up, and JSON's readers have them as they are.
inline constexpr std::uint64_t number_limit = std::uint64_t{1} << 53U;

/// One resource that an agent is short of (dedup/shortage.hpp).
struct Lack {
  std::uint64_t lasts_ms = 0;  // since it began, and 1 at least; 0: it is not short of that
  std::uint64_t waiting = 0;   // pages that wait for it
};

/// What an agent says of itself and its guest after a pass; sums since it joined this daemon for the first
/// time, unless said otherwise.
struct Report {
  std::uint64_t passes = 0;
  std::uint64_t breaks = 0;
  std::uint64_t zero_pages = 0;      // given back and not written since, now
  std::uint64_t volatile_pages = 0;  // populated pages of its own that changed during the last interval
  std::uint64_t holds = 0;
  std::uint64_t hold_max_us = 0;  // since the guest started
  std::uint64_t vmas = 0;         // mappings that merging has added, now
  std::uint64_t agent_bytes = 0;  // memory of the agent's metadata, now
  std::uint64_t failed_merges = 0;
  std::uint64_t tracks_writes = 0;  // 1: write protection tells which pages changed; 0: every page is hashed

  // From here on what older agents do not tell, and what only a daemon that takes_whole_reports gets.
  std::uint64_t ram_pages = 0;  // the sum of zero_pages and the next three, now; 0: an older agent
  std::uint64_t own_pages = 0;
  std::uint64_t shared_pages = 0;
  std::uint64_t backed_pages =
      0;  // of these: mapped from the file that the guest was restored or forked from
  std::uint64_t untouched_pages = 0;
  std::uint64_t unaffordable_pages = 0;  // not merged for want of mappings, now
  std::uint64_t lost_store_pages = 0;    // mapped from stores of lost daemons, now
  std::uint64_t merges = 0;
  std::uint64_t errors = 0;
  std::uint64_t merge_cpu_us = 0;  // of the agent's thread
  HoldTimes hold_times;

  // From here on what agents of version_without_paging do not tell.
  std::uint64_t paged_pages = 0;           // of shared_pages: in paging files, now
  std::uint64_t paged_resident_pages = 0;  // of these: in memory too, since the guest read them
  std::uint64_t paged_out = 0;             // pages that have gone out
  std::uint64_t came_back = 0;             // times that pages were used soon after they had gone out

  // From here on what agents of version_without_shortages do not tell.
  std::array<Lack, resource_count> lacks{};  // by Resource, now

  // From here on what agents of version_without_guard do not tell.
  std::uint64_t available_bytes = 0;  // of memory, where the least is left to the guest, when it last looked
  std::uint64_t limit_bytes = 0;      // of that cgroup or host; 0: it has not looked
  std::uint64_t place = 0;            // which it is (MemoryRoom)
  std::uint64_t stands_still = 0;     // 1: for want of memory, now

  /// Pages that would take memory of their own if the guest wrote all of its RAM that has something in it:
  /// what it shares with others, with files or not at all (zeros).
  [[nodiscard]] std::uint64_t worst_case_pages() const { return shared_pages + zero_pages; }
};
/// The part of a REPORT that all daemons know.
inline constexpr std::size_t short_report = offsetof(Report, ram_pages);
inline constexpr std::size_t report_without_paging = offsetof(Report, paged_pages);
inline constexpr std::size_t report_without_shortages = offsetof(Report, lacks);
inline constexpr std::size_t report_without_room = offsetof(Report, available_bytes);
/// A whole REPORT or a shorter one. Empty where it is neither, or can't be true of a guest of `pages` pages.
/// What is left can be added up: counters are below number_limit, and what is now is not more than the guest
/// has.
std::optional<Report> decode_report(std::span<const std::byte> payload, std::uint32_t pages);

}  // namespace samepage::dedup::wire
