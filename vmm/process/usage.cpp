// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/usage.hpp"

#include <sys/resource.h>

#include <cstdint>

#include "vmm/devices/virtio/mac_address.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(time.tv_usec);
}

json to_json(const VcpuFigures& vcpu) {
  return {{"cpu_us", vcpu.cpu_us}, {"host_cpu", vcpu.host_cpu}, {"runs", vcpu.runs}};
}

json to_json(const DiskFigures& disk) {
  return {{"read_requests", disk.read_requests},   {"read_bytes", disk.read_bytes},
          {"write_requests", disk.write_requests}, {"write_bytes", disk.write_bytes},
          {"flush_requests", disk.flush_requests}, {"errors", disk.errors}};
}

json to_json(const TrafficFigures& traffic) {
  return {{"packets", traffic.packets}, {"bytes", traffic.bytes}, {"dropped", traffic.dropped}};
}

json to_json(const NetFigures& net) {
  return {{"mac", to_text(net.mac)}, {"received", to_json(net.received)}, {"sent", to_json(net.sent)}};
}

template <typename Values>
json list_of(const Values& values) {
  json list = json::array();
  for (const auto& value : values) list.push_back(to_json(value));
  return list;
}

}  // namespace

void add_usage(GuestFigures& figures, const Machine& machine) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  figures.cpu_user_us = microseconds(used.ru_utime);
  figures.cpu_system_us = microseconds(used.ru_stime);
  figures.vcpus = list_of(machine.vcpu_figures());
  const DeviceFigures devices = machine.device_figures();
  figures.disks = list_of(devices.disks);
  figures.nets = list_of(devices.nets);
}

}  // namespace samepage::vmm
