// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_figures.hpp"

#include <array>

namespace samepage::vmm {
namespace {

using nlohmann::json;
using F = GuestFigures;

constexpr std::string_view page_tables = "the process's page tables";

constexpr std::array figures{
    GuestFigure{{"name", "name", Unit::text}, &F::name, Told::brief},
    GuestFigure{{"domain", "domain", Unit::text}, &F::domain, Told::brief},
    GuestFigure{{"state", "state", Unit::text}, &F::state, Told::brief},
    GuestFigure{{"image", "image", Unit::text}, &F::image, Told::brief},
    GuestFigure{{"pid", "pid"}, &F::pid, Told::brief},
    GuestFigure{{"cpus", "cpus"}, &F::cpus, Told::brief},
    GuestFigure{{"uptime_s", "uptime", Unit::seconds, Kind::counter}, &F::uptime_s, Told::brief},
    GuestFigure{{"connected", "daemon", Unit::yes_or_no, Kind::gauge, "connected"}, &F::connected},
    GuestFigure{{"ram_bytes", "ram", Unit::bytes, Kind::gauge, "the sum of the next but swap"},
                &F::ram_bytes,
                Told::brief},
    GuestFigure{{"private_bytes", "  private", Unit::bytes, Kind::gauge, "", page_tables}, &F::private_bytes},
    GuestFigure{{"swapped_bytes", "    in swap", Unit::bytes, Kind::gauge, "", page_tables},
                &F::swapped_bytes},
    GuestFigure{{"shared_bytes", "  shared", Unit::bytes, Kind::gauge, "", page_tables}, &F::shared_bytes},
    GuestFigure{{"backed_bytes", "    of a snapshot", Unit::bytes, Kind::gauge,
                 "of the file that it was restored or forked from", page_tables},
                &F::backed_bytes},
    GuestFigure{{"zero_bytes", "  zero", Unit::bytes, Kind::gauge, "", page_tables}, &F::zero_bytes},
    GuestFigure{{"untouched_bytes", "  untouched", Unit::bytes, Kind::gauge, "", page_tables},
                &F::untouched_bytes},
    GuestFigure{{"pss_anon_bytes", "pss-anon", Unit::bytes, Kind::gauge,
                 "the kernel's figure of the whole process", "Pss_Anon of /proc/PID/smaps_rollup"},
                &F::pss_anon_bytes},
    GuestFigure{{"rss_bytes", "rss", Unit::bytes, Kind::gauge, "", "VmRSS of /proc/PID/status"},
                &F::rss_bytes},
    GuestFigure{
        {"page_table_bytes", "page tables", Unit::bytes, Kind::gauge, "", "VmPTE of /proc/PID/status"},
        &F::page_table_bytes},
    GuestFigure{{"vmas", "vmas", Unit::count, Kind::gauge, "mappings of its RAM", "/proc/PID/maps"},
                &F::vmas},
    GuestFigure{{"passes", "passes", Unit::count, Kind::counter, "over its memory"}, &F::passes},
    GuestFigure{{"merges", "merges", Unit::count, Kind::counter}, &F::merges},
    GuestFigure{{"breaks", "breaks", Unit::count, Kind::counter}, &F::breaks},
    GuestFigure{{"failed_merges", "failed merges", Unit::count, Kind::counter, "pages that had changed"},
                &F::failed_merges},
    GuestFigure{{"holds", "holds", Unit::count, Kind::counter, "times that it was held", "", "stops"},
                &F::holds},
    GuestFigure{{"hold_max_us", "longest hold", Unit::microseconds, Kind::counter, "", "", "stop_max_us"},
                &F::hold_max_us},
    GuestFigure{{"errors", "errors", Unit::count, Kind::counter, "failures that merging survived"},
                &F::errors},
    GuestFigure{
        {"cpu_user_us", "cpu, user", Unit::microseconds, Kind::counter, "of its process", "getrusage(2)"},
        &F::cpu_user_us},
    GuestFigure{{"cpu_system_us", "cpu, system", Unit::microseconds, Kind::counter, "", "getrusage(2)"},
                &F::cpu_system_us},
    GuestFigure{{"vcpus", "", Unit::structure, Kind::counter, "processor time of each"}, &F::vcpus},
    GuestFigure{{"disks", "", Unit::structure, Kind::counter, "requests and bytes of each"}, &F::disks},
    GuestFigure{{"nets", "", Unit::structure, Kind::counter, "packets and bytes of each"}, &F::nets},
    GuestFigure{{"orphaned_stores", "", Unit::structure, Kind::gauge, "stores of lost daemons that it maps"},
                &F::orphaned_stores},
    GuestFigure{
        {"backing_files", "", Unit::structure, Kind::gauge, "files in memory that it was forked from"},
        &F::backing_files},
    GuestFigure{{"balloon", "", Unit::structure, Kind::gauge, "what its balloon holds"}, &F::balloon},
};

}  // namespace

std::span<const GuestFigure> guest_figures() {
  return figures;
}

json to_json(const GuestFigures& values, Told told) {
  json body = json::object();
  for (const auto& [figure, member, when] : figures) {
    if (told == Told::brief && when != Told::brief) continue;
    json value = std::visit([&](const auto pointer) { return json(values.*pointer); }, member);
    if (value.is_null()) continue;
    if (!figure.former_key.empty()) body[std::string(figure.former_key)] = value;
    body[std::string(figure.key)] = std::move(value);
  }
  return body;
}

}  // namespace samepage::vmm
