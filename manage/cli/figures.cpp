// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/figures.hpp"

#include <array>

#include "base/units.hpp"
#include "manage/cli/output.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

constexpr std::string_view pss_anon = "Pss_Anon of /proc/PID/smaps_rollup";
constexpr std::string_view page_tables = "the process's page tables";

constexpr std::array of_host{
    Figure{"pages_shared", "pages shared", Unit::count, Kind::gauge, "frames that guests map",
           "allocated blocks of the frame stores"},
    Figure{"pages_sharing", "pages sharing", Unit::count, Kind::gauge,
           "further mappings of them: pages saved", page_tables},
    Figure{"pages_unshared", "pages unshared", Unit::count, Kind::gauge, "quiet, but nobody else has them",
           ""},
    Figure{"pages_volatile", "pages volatile", Unit::count, Kind::gauge, "changed during the last interval",
           ""},
    Figure{"zero_pages", "zero pages", Unit::count, Kind::gauge, "given back", page_tables},
    Figure{"breaks", "breaks", Unit::count, Kind::counter, "shared pages that a guest wrote", ""},
    Figure{"full_scans", "full scans", Unit::count, Kind::counter, "passes over all guests", ""},
    Figure{"saved_bytes", "saved", Unit::bytes, Kind::gauge, "pages sharing and zero pages", ""},
    Figure{"overhead_bytes", "overhead", Unit::bytes, Kind::gauge, "what merging itself needs", ""},
    Figure{"net_saved_bytes", "net saved", Unit::signed_bytes, Kind::gauge, "saved less overhead",
           "the change of kernel_bytes when merging starts"},
    Figure{"kernel_bytes", "kernel's figure", Unit::bytes, Kind::gauge,
           "Pss_Anon of VMMs and daemon, blocks of the stores", pss_anon},
    Figure{"stop_max_us", "longest hold", Unit::microseconds, Kind::counter, "of any guest", ""},
    Figure{"tracker", "tracker", Unit::text, Kind::gauge, "how written pages are found", ""},
    Figure{"frame_dups", "", Unit::count, Kind::gauge, "frames whose content another frame has too", ""},
    Figure{"errors", "", Unit::count, Kind::counter, "failures that the daemon survived", ""},
};

constexpr std::array of_guest{
    Figure{"name", "name", Unit::text, Kind::gauge, "", ""},
    Figure{"domain", "domain", Unit::text, Kind::gauge, "", ""},
    Figure{"state", "state", Unit::text, Kind::gauge, "", ""},
    Figure{"image", "image", Unit::text, Kind::gauge, "", ""},
    Figure{"pid", "pid", Unit::count, Kind::gauge, "", ""},
    Figure{"cpus", "cpus", Unit::count, Kind::gauge, "", ""},
    Figure{"uptime_s", "uptime", Unit::seconds, Kind::counter, "", ""},
    Figure{"connected", "daemon", Unit::yes_or_no, Kind::gauge, "connected", ""},
    Figure{"ram_bytes", "ram", Unit::bytes, Kind::gauge, "the sum of the next but swap", ""},
    Figure{"private_bytes", "  private", Unit::bytes, Kind::gauge, "", page_tables},
    Figure{"swapped_bytes", "    in swap", Unit::bytes, Kind::gauge, "", page_tables},
    Figure{"shared_bytes", "  shared", Unit::bytes, Kind::gauge, "", page_tables},
    Figure{"zero_bytes", "  zero", Unit::bytes, Kind::gauge, "", page_tables},
    Figure{"untouched_bytes", "  untouched", Unit::bytes, Kind::gauge, "", page_tables},
    Figure{"pss_anon_bytes", "pss-anon", Unit::bytes, Kind::gauge, "the kernel's figure of the whole process",
           pss_anon},
    Figure{"rss_bytes", "rss", Unit::bytes, Kind::gauge, "", "VmRSS of /proc/PID/status"},
    Figure{"page_table_bytes", "page tables", Unit::bytes, Kind::gauge, "", "VmPTE of /proc/PID/status"},
    Figure{"vmas", "vmas", Unit::count, Kind::gauge, "mappings of its RAM", "/proc/PID/maps"},
    Figure{"passes", "passes", Unit::count, Kind::counter, "over its memory", ""},
    Figure{"merges", "merges", Unit::count, Kind::counter, "", ""},
    Figure{"breaks", "breaks", Unit::count, Kind::counter, "", ""},
    Figure{"failed_merges", "failed merges", Unit::count, Kind::counter, "pages that had changed", ""},
    Figure{"stops", "holds", Unit::count, Kind::counter, "times that it was held", ""},
    Figure{"stop_max_us", "longest hold", Unit::microseconds, Kind::counter, "", ""},
    Figure{"cpu_user_us", "cpu, user", Unit::microseconds, Kind::counter, "of its process", "getrusage(2)"},
    Figure{"cpu_system_us", "cpu, system", Unit::microseconds, Kind::counter, "", "getrusage(2)"},
    Figure{"vcpus", "", Unit::microseconds, Kind::counter, "processor time of each", ""},
    Figure{"disks", "", Unit::count, Kind::counter, "requests and bytes of each", ""},
    Figure{"nets", "", Unit::count, Kind::counter, "packets and bytes of each", ""},
    Figure{"orphaned_stores", "", Unit::bytes, Kind::gauge, "stores of lost daemons that it maps", ""},
    Figure{"balloon", "", Unit::bytes, Kind::gauge, "what its balloon holds", ""},
};

}  // namespace

std::span<const Figure> published_host_figures() {
  return of_host;
}

std::span<const Figure> published_guest_figures() {
  return of_guest;
}

std::uint64_t number(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

std::string text_of(const Figure& figure, const json& object) {
  const std::string key(figure.key);
  switch (figure.unit) {
    case Unit::count:
      return std::to_string(number(object, key));
    case Unit::bytes:
      return format_size(number(object, key));
    case Unit::signed_bytes:
      return format_signed_size(object.value(key, std::int64_t{0}));
    case Unit::microseconds:
      return std::to_string(number(object, key)) + " us";
    case Unit::seconds:
      return format_uptime(object.value(key, 0.0));
    case Unit::yes_or_no:
      return (object.value(key, false) ? "" : "not ") + std::string(figure.help);
    case Unit::text:
      break;
  }
  return object.value(key, "");
}

}  // namespace samepage::cli
