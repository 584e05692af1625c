// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/host_cpu.hpp"

#include <fstream>

namespace samepage::vmm {

std::string host_cpu_flags() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("flags")) continue;
    const std::size_t colon = line.find(':');
    return colon == std::string::npos ? "" : line.substr(colon + 1);
  }
  return {};
}

}  // namespace samepage::vmm
