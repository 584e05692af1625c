// SPDX-License-Identifier: Apache-2.0
// The host as libvirt's node: what the kernel says of it, and the settings and figures of merging, which are
// KSM's on other hosts. Any thread. What asks the daemon is marked "slow": it may wait for it up to 10 s.
// What is refused is a libvirt::Error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "manage/libvirt/typed_parameter.hpp"

namespace samepage::libvirt {

struct NodeInfo {
  std::string model;  // "x86_64"
  std::uint64_t memory_kib = 0;
  unsigned cpus = 1, mhz = 0;
  unsigned nodes = 1, sockets = 1, cores = 1, threads = 1;
};

struct CpuMap {
  std::vector<bool> online;  // of each CPU that there is
  [[nodiscard]] unsigned count_online() const;
};

using NamedFigures = std::vector<std::pair<std::string, std::uint64_t>>;

[[nodiscard]] NodeInfo node_info();
/// VIR_NODE_MEMORY_STATS_..., KiB; `cell` is a NUMA node or VIR_NODE_MEMORY_STATS_ALL_CELLS.
[[nodiscard]] NamedFigures node_memory_stats(int cell);
/// VIR_NODE_CPU_STATS_..., ns; `cpu` is one or VIR_NODE_CPU_STATS_ALL_CPUS.
[[nodiscard]] NamedFigures node_cpu_stats(int cpu);
[[nodiscard]] CpuMap node_cpu_map();
/// Bytes.
[[nodiscard]] std::uint64_t node_free_memory();
[[nodiscard]] std::string host_name();
/// What this installation goes by (machine-id(5)); empty where there is none.
[[nodiscard]] std::string machine_id();
[[nodiscard]] std::string capabilities_xml();
/// Each none: ours. Throws for an emulator, architecture, machine or type that we don't have.
[[nodiscard]] std::string domain_capabilities_xml(const std::optional<std::string>& emulator,
                                                  const std::optional<std::string>& architecture,
                                                  const std::optional<std::string>& machine,
                                                  const std::optional<std::string>& type);
/// The most vCPUs of a guest of this type.
[[nodiscard]] unsigned most_vcpus(const std::optional<std::string>& type);

/// VIR_NODE_MEMORY_SHARED_...: Samepage's settings and figures (docs/libvirt.md says which is what). Slow.
[[nodiscard]] std::vector<TypedParameter> node_memory_parameters();
/// All or nothing. Slow.
void set_node_memory_parameters(std::span<const TypedParameter> parameters);

}  // namespace samepage::libvirt
