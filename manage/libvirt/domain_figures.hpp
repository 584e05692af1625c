// SPDX-License-Identifier: Apache-2.0
// A guest's answer to "stat" (docs/manual.md, Figures) as libvirt's figures. What the guest does not tell is
// left out. Pure, but for what the host says of a disk's file.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "manage/libvirt/domain_definition.hpp"
#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/typed_parameter.hpp"

namespace samepage::libvirt {

using TypedParameters = std::vector<TypedParameter>;

/// What a balloon has left of the memory.
[[nodiscard]] std::uint64_t current_kib(const nlohmann::json& stat, std::uint64_t max_kib);
[[nodiscard]] std::uint64_t cpu_ns(const nlohmann::json& stat);
[[nodiscard]] std::vector<MemoryStat> memory_stats_of(const nlohmann::json& stat, std::uint64_t max_kib);
[[nodiscard]] std::vector<VcpuInfo> vcpus_of(const nlohmann::json& stat);
[[nodiscard]] TypedParameters cpu_stats_of(const nlohmann::json& stat);
/// Of the disk or network device with this number; zeros where there is none.
[[nodiscard]] BlockStats block_stats_of(const nlohmann::json& stat, std::size_t index);
[[nodiscard]] InterfaceStats interface_stats_of(const nlohmann::json& stat, std::size_t index);
[[nodiscard]] TypedParameters block_parameters_of(const BlockStats& stats);

/// The groups of domstats. `stat` is null for a domain that does not run or does not answer.
[[nodiscard]] TypedParameters domain_stats(const DomainDefinition& domain, const DomainState& state,
                                           const nlohmann::json* stat, unsigned groups);
/// All that domain_stats() knows.
inline constexpr unsigned known_stats_groups =
    VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_VCPU |
    VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_VM;

}  // namespace samepage::libvirt
