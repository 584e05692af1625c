// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_figures.hpp"

#include <array>

#include "dedup/agent_figures.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;
using F = GuestFigures;

namespace agent = dedup::agent_figures;

constexpr std::array figures{
    GuestFigure{{"name", "name", Unit::text, Kind::gauge, "what commands know it by"}, &F::name, Told::brief},
    GuestFigure{{"domain", "domain", Unit::text, Kind::gauge, "guests of one domain share pages"},
                &F::domain,
                Told::brief},
    GuestFigure{{"state", "state", Unit::text, Kind::gauge, "running, paused, no memory or stopped"},
                &F::state,
                Told::brief},
    GuestFigure{
        {"image", "image", Unit::text, Kind::gauge, "what it was started from"}, &F::image, Told::brief},
    GuestFigure{{"pid", "pid", Unit::count, Kind::gauge, "its process on the host"}, &F::pid, Told::brief},
    GuestFigure{{"cpus", "cpus", Unit::count, Kind::gauge, "virtual processors"}, &F::cpus, Told::brief},
    GuestFigure{{"uptime_s", "uptime", Unit::seconds, Kind::counter, "since its process started",
                 "starttime of /proc/PID/stat"},
                &F::uptime_s,
                Told::brief},
    GuestFigure{agent::connected, &F::connected},
    GuestFigure{agent::ram, &F::ram_bytes, Told::brief},
    GuestFigure{agent::own, &F::private_bytes},
    GuestFigure{{"swapped_bytes", "    in swap", Unit::bytes, Kind::gauge, "of private: in the host's swap",
                 agent::page_tables},
                &F::swapped_bytes},
    GuestFigure{agent::shared, &F::shared_bytes},
    GuestFigure{agent::backed, &F::backed_bytes},
    GuestFigure{agent::paged, &F::paged_bytes},
    GuestFigure{agent::paged_resident, &F::paged_resident_bytes},
    GuestFigure{agent::zero, &F::zero_bytes},
    GuestFigure{agent::untouched, &F::untouched_bytes},
    GuestFigure{agent::worst_case, &F::worst_case_bytes},
    GuestFigure{agent::available, &F::available_bytes},
    GuestFigure{{"pss_anon_bytes", "pss-anon", Unit::bytes, Kind::gauge,
                 "the kernel's figure of the whole process", "Pss_Anon of /proc/PID/smaps_rollup"},
                &F::pss_anon_bytes},
    GuestFigure{{"swap_pss_bytes", "swap-pss", Unit::bytes, Kind::gauge, "what of that is in the host's swap",
                 "SwapPss of /proc/PID/smaps_rollup"},
                &F::swap_pss_bytes},
    GuestFigure{{"rss_bytes", "rss", Unit::bytes, Kind::gauge, "all of its process that is in memory",
                 "VmRSS of /proc/PID/status"},
                &F::rss_bytes},
    GuestFigure{{"page_table_bytes", "page tables", Unit::bytes, Kind::gauge,
                 "that the kernel keeps for its process", "VmPTE of /proc/PID/status"},
                &F::page_table_bytes},
    GuestFigure{{"vmas", "vmas", Unit::count, Kind::gauge, "mappings of its RAM", "/proc/PID/maps"},
                &F::vmas},
    GuestFigure{agent::passes, &F::passes},
    GuestFigure{agent::merges, &F::merges},
    GuestFigure{agent::breaks, &F::breaks},
    GuestFigure{agent::failed_merges, &F::failed_merges},
    GuestFigure{agent::paged_out, &F::paged_out},
    GuestFigure{agent::came_back, &F::came_back},
    GuestFigure{agent::holds, &F::holds},
    GuestFigure{agent::hold_max, &F::hold_max_us},
    GuestFigure{agent::hold_times, &F::hold_times},
    GuestFigure{agent::errors, &F::errors},
    GuestFigure{agent::shortages, &F::shortages},
    GuestFigure{{"confined", "confined", Unit::text, Kind::gauge, "it has given up rights and system calls",
                 "Seccomp, NoNewPrivs and CapEff of /proc/PID/status"},
                &F::confined},
    GuestFigure{{"jailed", "jailed", Unit::yes_or_no, Kind::gauge, "it is in namespaces of its own",
                 "/proc/PID/ns beside one's own"},
                &F::jailed},
    GuestFigure{{"log", "log", Unit::text, Kind::gauge, "where its process tells of failures"}, &F::log},
    GuestFigure{agent::merge_cpu, &F::merge_cpu_us},
    GuestFigure{{"cpu_user_us", "cpu, user", Unit::microseconds, Kind::counter, "of its process",
                 "utime of /proc/PID/stat"},
                &F::cpu_user_us},
    GuestFigure{{"cpu_system_us", "cpu, system", Unit::microseconds, Kind::counter,
                 "of the kernel for its process", "stime of /proc/PID/stat"},
                &F::cpu_system_us},
    GuestFigure{{"vcpus", "", Unit::structure, Kind::counter, "processor time of each",
                 "/proc/PID/task/*/schedstat of its threads 'vcpu N'"},
                &F::vcpus},
    GuestFigure{{"disks", "", Unit::structure, Kind::counter, "requests and bytes of each"}, &F::disks},
    GuestFigure{{"nets", "", Unit::structure, Kind::counter, "packets and bytes of each"}, &F::nets},
    GuestFigure{{"orphaned_stores", "", Unit::structure, Kind::gauge, "stores of lost daemons that it maps",
                 "blocks of the files, by inode, in /proc/PID/map_files"},
                &F::orphaned_stores},
    GuestFigure{{"backing_files", "", Unit::structure, Kind::gauge, "files in memory that it was forked from",
                 "blocks of the files, by inode, in /proc/PID/map_files"},
                &F::backing_files},
    GuestFigure{
        {"kept_out", "", Unit::structure, Kind::gauge, "why the policy of the host keeps it from sharing"},
        &F::kept_out},
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
