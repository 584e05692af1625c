// SPDX-License-Identifier: Apache-2.0
// What clients want to know of guests while these run. Most of it is asked of the guests' processes.
#include <libvirt/libvirt.h>

#include "manage/libvirt/procedure_parts.hpp"

namespace samepage::libvirt {
namespace {

constexpr std::size_t most_vcpu_infos = 16384;
constexpr std::size_t most_cpu_map_bytes = 8388608;
constexpr std::size_t most_memory_stats = 1024;

void put_vcpus(Call& call, XdrReader& in, XdrWriter& out) {
  const DomainRef domain = take_domain(in);
  const std::size_t room = take_room(in);
  const std::size_t map_bytes = take_room(in);
  if (room > most_vcpu_infos || map_bytes > most_cpu_map_bytes ||
      (map_bytes > 0 && room > most_cpu_map_bytes / map_bytes)) {
    throw invalid_argument("more vCPUs are asked for than a guest may have");
  }
  std::vector<VcpuInfo> vcpus = call.host.vcpus(domain);
  if (vcpus.size() > room) vcpus.resize(room);
  out.count(vcpus.size());
  for (const VcpuInfo& vcpu : vcpus) {
    out.u32(vcpu.number).i32(vcpu.state).u64(vcpu.cpu_ns).i32(vcpu.host_cpu);
  }
  // Each vCPU may run on each CPU of the host.
  const Bytes map = bits_of(call.host.node_cpu_map(), map_bytes);
  Bytes maps;
  for (std::size_t i = 0; i < vcpus.size(); ++i) maps.insert(maps.end(), map.begin(), map.end());
  out.opaque(maps);
}

void put_cpu_stats(Call& call, XdrReader& in, XdrWriter& out) {
  const DomainRef domain = take_domain(in);
  const std::size_t room = in.u32();
  const std::int32_t first = in.i32();
  const std::uint32_t cpus = in.u32();
  take_no_flags(in, "virDomainGetCPUStats", VIR_TYPED_PARAM_STRING_OKAY);
  if (first != -1 || cpus != 1) {
    throw unsupported("how much a guest ran on each CPU of the host is not known; ask for the total");
  }
  const std::vector<TypedParameter> parameters = call.host.cpu_stats(domain);
  put_in_steps(out, parameters, room, [&](const TypedParameter& parameter) { put(out, parameter); });
}

void put_stats(Call& call, XdrReader& in, XdrWriter& out) {
  const std::vector<DomainRef> domains = take_domains(in);
  const unsigned groups = in.u32();
  const auto stats = call.host.stats(domains, groups, in.u32());
  if (stats.size() > max_domains) throw operation_failed("there are more guests than clients can list");
  out.count(stats.size());
  for (const auto& [domain, parameters] : stats) {
    put(out, domain);
    put(out, std::span(parameters).first(std::min(parameters.size(), max_stats_of_a_domain)));
  }
}

constexpr Procedure table[]{
    {16, "virDomainGetInfo", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainInfo info = call.host.info(take_domain(in));
       out.i32(info.state).u64(info.max_kib).u64(info.current_kib).u32(info.vcpus).u64(info.cpu_ns);
     }},
    {212, "virDomainGetState", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       take_no_flags(in, "virDomainGetState");
       const DomainState state = call.host.state(domain);
       out.i32(state.state).i32(state.reason);
     }},
    {150, "virDomainIsActive", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) { out.boolean(call.host.is_active(take_domain(in))); }},
    {17, "virDomainGetMaxMemory", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) { out.u64(call.host.info(take_domain(in)).max_kib); }},
    {18, "virDomainGetMaxVcpus", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       out.u32(call.host.vcpu_count(take_domain(in), VIR_DOMAIN_VCPU_LIVE | VIR_DOMAIN_VCPU_MAXIMUM));
     }},
    {200, "virDomainGetVcpusFlags", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       out.u32(call.host.vcpu_count(domain, in.u32()));
     }},
    {20, "virDomainGetVcpus", reads, slow, put_vcpus},
    {262, "virDomainGetCPUStats", reads, slow, put_cpu_stats},
    {159, "virDomainMemoryStats", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       // One more than there is room for, and the client dies.
       const std::size_t room = std::min<std::size_t>(in.u32(), most_memory_stats);
       take_no_flags(in, "virDomainMemoryStats");
       const std::vector<MemoryStat> stats = call.host.memory_stats(domain);
       const auto told = std::span(stats).first(std::min(stats.size(), room));
       out.count(told.size());
       for (const MemoryStat& stat : told) out.i32(stat.tag).u64(stat.value);
     }},
    {64, "virDomainBlockStats", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       const BlockStats stats = call.host.block_stats(domain, in.text());
       out.i64(stats.read_requests).i64(stats.read_bytes).i64(stats.write_requests).i64(stats.write_bytes);
       out.i64(stats.errors);
     }},
    {243, "virDomainBlockStatsFlags", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       const std::string device = in.text();
       const std::size_t room = take_room(in);
       take_no_flags(in, "virDomainBlockStatsFlags", VIR_TYPED_PARAM_STRING_OKAY);
       std::vector<TypedParameter> parameters = call.host.block_parameters(domain, device);
       if (parameters.size() > max_block_parameters) parameters.resize(max_block_parameters);
       put_in_steps(out, parameters, room, [&](const TypedParameter& parameter) { put(out, parameter); });
     }},
    {65, "virDomainInterfaceStats", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       const InterfaceStats stats = call.host.interface_stats(domain, in.text());
       for (const auto& way : {stats.received, stats.sent}) {
         out.i64(way.bytes).i64(way.packets).i64(way.errors).i64(way.dropped);
       }
     }},
    {344, "virConnectGetAllDomainStats", reads, slow, put_stats},
    {426, "virDomainGetMessages", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       static_cast<void>(in.u32());  // which kinds of messages
       const std::vector<std::string> messages = call.host.messages(domain);
       out.count(messages.size());
       for (const std::string& message : messages) out.text(message);
     }},
    // A guest is never suspended to a file of ours.
    {183, "virDomainHasManagedSaveImage", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const DomainRef domain = take_domain(in);
       take_no_flags(in, "virDomainHasManagedSaveImage");
       static_cast<void>(call.host.by_uuid(domain.uuid));
       out.boolean(false);
     }},
};

}  // namespace

std::span<const Procedure> figure_procedures() {
  return table;
}

}  // namespace samepage::libvirt
