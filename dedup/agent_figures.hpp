// SPDX-License-Identifier: Apache-2.0
// What an agent knows of its guest: the figures that the guest's process shows (vmm/control/guest_figures)
// and that the daemon shows as metrics, from the agent's REPORTs (dedup/metrics/metric_families). One name,
// unit and meaning.
#pragma once

#include <string_view>

#include "base/figure.hpp"

namespace samepage::dedup::agent_figures {

// Of each page of its RAM: whether it is in memory, and whether it belongs to a file; and which file.
inline constexpr std::string_view page_tables = "/proc/PID/pagemap";
inline constexpr std::string_view files = "/proc/PID/maps and pagemap";
inline constexpr std::string_view no_pages =
    "/proc/PID/pagemap: zero and untouched together are what is absent";

inline constexpr Figure connected{"connected", "daemon", Unit::yes_or_no, Kind::gauge, "connected"};
inline constexpr Figure ram{"ram_bytes",
                            "ram",
                            Unit::bytes,
                            Kind::gauge,
                            "the sum of the next but swap",
                            "/proc/PID/smaps: the mappings of its RAM"};
inline constexpr Figure own{"private_bytes", "  private",        Unit::bytes,
                            Kind::gauge,     "pages of its own", page_tables};
inline constexpr Figure shared{
    "shared_bytes", "  shared", Unit::bytes, Kind::gauge, "in frames, a snapshot or paging files", files};
inline constexpr Figure backed{"backed_bytes",
                               "    of a snapshot",
                               Unit::bytes,
                               Kind::gauge,
                               "of the file that it was restored or forked from",
                               files};
inline constexpr Figure paged{
    "paged_bytes", "    in paging files", Unit::bytes, Kind::gauge, "of shared; read from there when used",
    files};
inline constexpr Figure paged_resident{"paged_resident_bytes",
                                       "",
                                       Unit::bytes,
                                       Kind::gauge,
                                       "of these, in memory too because the guest read them",
                                       files};
inline constexpr Figure paged_out{"paged_out", "paged out", Unit::count, Kind::counter,
                                  "pages that went to paging files"};
inline constexpr Figure came_back{"came_back", "came back", Unit::count, Kind::counter,
                                  "times that it used what had gone out"};
inline constexpr Figure zero{
    "zero_bytes", "  zero", Unit::bytes, Kind::gauge, "pages of zeros that were given back", no_pages};
inline constexpr Figure untouched{
    "untouched_bytes", "  untouched", Unit::bytes, Kind::gauge, "never touched, or given up by the guest",
    no_pages};
inline constexpr Figure worst_case{"worst_case_bytes", "worst case", Unit::bytes, Kind::gauge,
                                   "needed if it writes all that it shares"};
inline constexpr Figure available{
    "available_bytes",
    "available",
    Unit::bytes,
    Kind::gauge,
    "memory that is left to it",
    "MemAvailable of /proc/meminfo, or memory.max less memory.current of its control group"};
inline constexpr Figure passes{"passes", "passes", Unit::count, Kind::counter, "over its memory"};
inline constexpr Figure merges{"merges", "merges", Unit::count, Kind::counter, "pages mapped onto frames"};
inline constexpr Figure breaks{"breaks", "breaks", Unit::count, Kind::counter,
                               "shared and zero pages that it wrote"};
inline constexpr Figure failed_merges{"failed_merges", "failed merges", Unit::count, Kind::counter,
                                      "pages that had changed"};
inline constexpr Figure holds{"holds", "holds", Unit::count, Kind::counter, "times that it was held",
                              "",      "stops"};
inline constexpr Figure hold_max{
    "hold_max_us", "longest hold", Unit::microseconds, Kind::peak, "the longest time that it was held", "",
    "stop_max_us"};
inline constexpr Figure hold_times{"hold_us", "", Unit::microseconds, Kind::histogram,
                                   "how long it was held, how often"};
inline constexpr Figure merge_cpu{
    "merge_cpu_us",          "cpu, merging",
    Unit::microseconds,      Kind::counter,
    "of the agent's thread", "/proc/PID/task/*/schedstat of its threads 'agent' and 'agent merging'"};
inline constexpr Figure shortages{"shortages", "", Unit::structure, Kind::gauge,
                                  "what its agent is short of"};
inline constexpr Figure errors{"errors", "errors", Unit::count, Kind::counter,
                               "failures that merging survived"};

}  // namespace samepage::dedup::agent_figures
