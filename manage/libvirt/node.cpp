// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/node.hpp"

#include <algorithm>

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {

unsigned CpuMap::count_online() const {
  return static_cast<unsigned>(std::count(online.begin(), online.end(), true));
}

NodeInfo node_info() {
  return {};
}
NamedFigures node_memory_stats(int) {
  throw no_support("virNodeGetMemoryStats");
}
NamedFigures node_cpu_stats(int) {
  throw no_support("virNodeGetCPUStats");
}
CpuMap node_cpu_map() {
  return {{true}};
}
std::uint64_t node_free_memory() {
  return 0;
}
std::string host_name() {
  return {};
}
std::string capabilities_xml() {
  throw no_support("virConnectGetCapabilities");
}
std::string domain_capabilities_xml(const std::optional<std::string>&, const std::optional<std::string>&,
                                    const std::optional<std::string>&, const std::optional<std::string>&) {
  throw no_support("virConnectGetDomainCapabilities");
}
unsigned most_vcpus(const std::optional<std::string>&) {
  return 255;
}
std::vector<TypedParameter> node_memory_parameters() {
  return {};
}
void set_node_memory_parameters(std::span<const TypedParameter>) {
  throw no_support("virNodeSetMemoryParameters");
}

}  // namespace samepage::libvirt
