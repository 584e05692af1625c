// SPDX-License-Identifier: Apache-2.0
// What clients ask of the host that guests run on.
#include <libvirt/libvirt.h>

#include "manage/libvirt/procedure_parts.hpp"

namespace samepage::libvirt {
namespace {

constexpr std::size_t model_characters = 32;
constexpr int most_cells = 1024;

void put_figures(XdrWriter& out, NamedFigures figures, std::size_t room) {
  if (figures.size() > max_node_figures) figures.resize(max_node_figures);
  put_in_steps(out, figures, room, [&](const auto& figure) { out.text(figure.first).u64(figure.second); });
}

std::uint64_t free_bytes_of(Host& host, int cell) {
  for (const auto& [field, kib] : host.node_memory_stats(cell)) {
    if (field == VIR_NODE_MEMORY_STATS_FREE) return kib * 1024;
  }
  throw internal("the kernel does not say how much memory is free");
}

constexpr Procedure table[]{
    {6, "virNodeGetInfo", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) {
       const NodeInfo node = call.host.node_info();
       put_characters(out, node.model.substr(0, model_characters - 1), model_characters);
       out.u64(node.memory_kib);
       for (const unsigned number :
            {node.cpus, node.mhz, node.nodes, node.sockets, node.cores, node.threads}) {
         out.u32(number);
       }
     }},
    {102, "virNodeGetFreeMemory", reads, quick,
     [](Call& call, XdrReader&, XdrWriter& out) { out.u64(call.host.node_free_memory()); }},
    {101, "virNodeGetCellsFreeMemory", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const int first = in.i32();
       const int room = in.i32();
       if (first < 0 || room < 1) throw invalid_argument("no cells of the host are asked for");
       std::vector<std::uint64_t> cells;
       const int there = static_cast<int>(call.host.node_info().nodes);
       for (int cell = first; cell < there && cell - first < std::min(room, most_cells); ++cell) {
         cells.push_back(free_bytes_of(call.host, cell));
       }
       if (cells.empty()) throw invalid_argument("the host has no such cell");
       out.count(cells.size());
       for (const std::uint64_t bytes : cells) out.u64(bytes);
     }},
    {227, "virNodeGetCPUStats", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const int cpu = in.i32();
       const std::size_t room = take_room(in);
       take_no_flags(in, "virNodeGetCPUStats");
       put_figures(out, call.host.node_cpu_stats(cpu), room);
     }},
    {228, "virNodeGetMemoryStats", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const std::size_t room = take_room(in);
       const int cell = in.i32();
       take_no_flags(in, "virNodeGetMemoryStats");
       put_figures(out, call.host.node_memory_stats(cell), room);
     }},
    {293, "virNodeGetCPUMap", reads, quick,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const bool map_wanted = in.i32() != 0;
       const bool online_wanted = in.i32() != 0;
       take_no_flags(in, "virNodeGetCPUMap");
       const CpuMap map = call.host.node_cpu_map();
       out.opaque(map_wanted ? bits_of(map) : Bytes());
       out.u32(online_wanted ? map.count_online() : 0).count(map.online.size());
     }},
    {122, "virNodeGetSecurityModel", reads, quick,
     [](Call&, XdrReader&, XdrWriter& out) { out.count(0).count(0); }},  // there is none

    {289, "virNodeGetMemoryParameters", reads, slow,
     [](Call& call, XdrReader& in, XdrWriter& out) {
       const std::size_t room = take_room(in);
       take_no_flags(in, "virNodeGetMemoryParameters", VIR_TYPED_PARAM_STRING_OKAY);
       std::vector<TypedParameter> parameters = call.host.node_memory_parameters();
       if (parameters.size() > max_node_memory_parameters) parameters.resize(max_node_memory_parameters);
       put_in_steps(out, parameters, room, [&](const TypedParameter& parameter) { put(out, parameter); });
     }},
    {288, "virNodeSetMemoryParameters", writes, slow,
     [](Call& call, XdrReader& in, XdrWriter&) {
       const std::vector<TypedParameter> parameters = take_parameters(in, max_node_memory_parameters);
       take_no_flags(in, "virNodeSetMemoryParameters", VIR_TYPED_PARAM_STRING_OKAY);
       call.host.set_node_memory_parameters(parameters);
     }},
};

}  // namespace

std::span<const Procedure> node_procedures() {
  return table;
}

}  // namespace samepage::libvirt
