// SPDX-License-Identifier: Apache-2.0
#include "dedup/host_figures.hpp"

#include <array>

namespace samepage::dedup {
namespace {

constexpr std::string_view page_tables = "/proc/PID/maps and pagemap of the guests";

constexpr std::array figures{
    Figure{"pages_shared", "pages shared", Unit::count, Kind::gauge, "frames that guests map",
           "allocated blocks of the frame stores, in /proc/PID/fd of the daemon"},
    Figure{"pages_sharing", "pages sharing", Unit::count, Kind::gauge,
           "further mappings of them: pages saved", page_tables},
    Figure{"pages_unshared", "pages unshared", Unit::count, Kind::gauge, "quiet, but nobody else has them"},
    Figure{"pages_volatile", "pages volatile", Unit::count, Kind::gauge, "changed during the last interval"},
    Figure{"zero_pages", "zero pages", Unit::count, Kind::gauge, "given back", page_tables},
    Figure{"breaks", "breaks", Unit::count, Kind::counter, "shared pages that a guest wrote"},
    Figure{"full_scans", "full scans", Unit::count, Kind::counter, "passes over all guests"},
    Figure{"saved_bytes", "saved", Unit::bytes, Kind::gauge, "pages sharing and zero pages", page_tables},
    Figure{"overhead_bytes", "overhead", Unit::bytes, Kind::gauge, "what merging itself needs"},
    Figure{"net_saved_bytes", "net saved", Unit::signed_bytes, Kind::gauge, "saved less overhead",
           "the change of kernel_bytes when merging starts"},
    Figure{"reserved_bytes", "reserved", Unit::bytes, Kind::gauge, "RAM that guests were promised"},
    Figure{"committed_bytes", "committed", Unit::bytes, Kind::gauge, "of it, with something in it",
           page_tables},
    Figure{"paged_bytes", "paged out", Unit::bytes, Kind::gauge, "of that, in paging files", page_tables},
    Figure{"worst_case_bytes", "worst case", Unit::bytes, Kind::gauge,
           "needed if guests write all that they share"},
    Figure{"available_bytes", "available", Unit::bytes, Kind::gauge, "memory of the host that is left",
           "MemAvailable of /proc/meminfo"},
    Figure{"kernel_bytes", "kernel's figure", Unit::bytes, Kind::gauge,
           "Pss_Anon of VMMs and daemon, blocks of the stores", "Pss_Anon of /proc/PID/smaps_rollup"},
    Figure{"hold_max_us", "longest hold", Unit::microseconds, Kind::peak, "of any guest", "", "stop_max_us"},
    Figure{"tracker", "tracker", Unit::text, Kind::gauge, "how written pages are found"},
    Figure{"errors", "errors", Unit::count, Kind::counter, "failures that the daemon survived; see its log"},
    Figure{"hold_us", "", Unit::microseconds, Kind::histogram, "how long guests were held, how often"},
    Figure{"merge_cpu_us", "", Unit::microseconds, Kind::counter, "processor time of all agents",
           "/proc/PID/task/*/schedstat of the guests' threads 'agent' and 'agent merging'"},
    Figure{"daemon_cpu_us", "", Unit::microseconds, Kind::counter, "processor time of the daemon",
           "utime and stime of /proc/PID/stat"},
    Figure{"cpu_credit_us", "", Unit::microseconds, Kind::gauge,
           "processor time that may be used at once (knob cpu)"},
    Figure{"uncovered_bytes", "", Unit::bytes, Kind::gauge, "of the worst case, more than is left"},
    Figure{"cpu_waiting_guests", "", Unit::count, Kind::gauge, "guests that wait for processor time"},
    Figure{"commit_limit_bytes", "", Unit::bytes, Kind::gauge,
           "RAM that guests may be promised; 0: no bound"},
    Figure{"paged_resident_bytes", "", Unit::bytes, Kind::gauge,
           "of paged out, in memory too, for it was read", page_tables},
    Figure{"slots_bytes", "", Unit::bytes, Kind::gauge, "of paging files, in use"},
    Figure{"paged_out", "", Unit::count, Kind::counter, "pages that went out to paging files"},
    Figure{"came_back", "", Unit::count, Kind::counter, "times that guests used what had gone out"},
    Figure{"frames_out", "", Unit::count, Kind::counter,
           "frames of the stores that went out to paging files"},
    Figure{"frame_dups", "", Unit::count, Kind::gauge, "frames whose content another frame has too"},
    Figure{"pages_pending", "", Unit::count, Kind::gauge, "pages that are being merged"},
    Figure{"shortages", "", Unit::structure, Kind::gauge, "what the daemon is short of"},
};

}  // namespace

std::span<const Figure> host_figures() {
  return figures;
}

}  // namespace samepage::dedup
