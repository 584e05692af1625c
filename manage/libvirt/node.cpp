// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/node.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/check.hpp"
#include "base/process_memory.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/daemon_client.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/memory_parameters.hpp"

namespace samepage::libvirt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path cpus_folder = "/sys/devices/system/cpu";

template <typename Value>
Value read_value(const fs::path& file, Value otherwise) {
  std::ifstream stream(file);
  Value value{};
  return stream >> value ? value : otherwise;
}

std::size_t count_cpus() {
  return static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
}

bool is_online(std::size_t cpu) {
  // The first one often can't be taken away, and then there is no file.
  return read_value(cpus_folder / fmt::format("cpu{}/online", cpu), 1) != 0;
}

struct Topology {
  std::size_t sockets = 1, cores = 1, threads = 1;
};

// Of a host whose sockets are alike; of any other, one socket with all CPUs as cores.
Topology topology() {
  std::set<int> sockets;
  std::set<std::pair<int, int>> cores;
  const std::size_t cpus = count_cpus();
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
    const fs::path folder = cpus_folder / fmt::format("cpu{}/topology", cpu);
    const int socket = read_value(folder / "physical_package_id", 0);
    sockets.insert(socket);
    cores.emplace(socket, read_value(folder / "core_id", static_cast<int>(cpu)));
  }
  const Topology found{sockets.size(), cores.size() / sockets.size(), cpus / cores.size()};
  return found.sockets * found.cores * found.threads == cpus ? found : Topology{1, cpus, 1};
}

unsigned cpu_mhz() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("cpu MHz")) continue;
    std::istringstream value(line.substr(line.find(':') + 1));
    double mhz = 0;
    if (value >> mhz) return static_cast<unsigned>(mhz);
  }
  return 0;
}

}  // namespace

unsigned CpuMap::count_online() const {
  return static_cast<unsigned>(std::count(online.begin(), online.end(), true));
}

NodeInfo node_info() {
  utsname system{};
  check(::uname(&system), "uname");
  const Topology found = topology();
  NodeInfo info;
  info.model = static_cast<const char*>(system.machine);
  info.memory_kib = host_memory("MemTotal") / 1024;
  info.cpus = node_cpu_map().count_online();
  info.mhz = cpu_mhz();
  info.sockets = static_cast<unsigned>(found.sockets);
  info.cores = static_cast<unsigned>(found.cores);
  info.threads = static_cast<unsigned>(found.threads);
  return info;
}

NamedFigures node_memory_stats(int cell) {
  if (cell != VIR_NODE_MEMORY_STATS_ALL_CELLS && cell != 0) {
    throw invalid_argument(fmt::format("cellNum in virNodeGetMemoryStats: there is no cell {}", cell));
  }
  return {{VIR_NODE_MEMORY_STATS_TOTAL, host_memory("MemTotal") / 1024},
          {VIR_NODE_MEMORY_STATS_FREE, host_memory("MemFree") / 1024},
          {VIR_NODE_MEMORY_STATS_BUFFERS, host_memory("Buffers") / 1024},
          {VIR_NODE_MEMORY_STATS_CACHED, host_memory("Cached") / 1024}};
}

NamedFigures node_cpu_stats(int cpu) {
  const std::string wanted = cpu == VIR_NODE_CPU_STATS_ALL_CPUS ? "cpu" : fmt::format("cpu{}", cpu);
  const auto ticks_a_second = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name != wanted) continue;
    // proc(5): user, nice, system, idle, iowait, irq, softirq
    std::array<std::uint64_t, 7> ticks{};
    for (std::uint64_t& value : ticks) words >> value;
    const auto ns = [&](std::uint64_t value) { return value * (1'000'000'000U / ticks_a_second); };
    return {{VIR_NODE_CPU_STATS_KERNEL, ns(ticks[2] + ticks[5] + ticks[6])},
            {VIR_NODE_CPU_STATS_USER, ns(ticks[0] + ticks[1])},
            {VIR_NODE_CPU_STATS_IDLE, ns(ticks[3])},
            {VIR_NODE_CPU_STATS_IOWAIT, ns(ticks[4])}};
  }
  throw invalid_argument(fmt::format("cpuNum in virNodeGetCPUStats: there is no CPU {}", cpu));
}

CpuMap node_cpu_map() {
  CpuMap map;
  const std::size_t cpus = count_cpus();
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) map.online.push_back(is_online(cpu));
  return map;
}

std::uint64_t node_free_memory() {
  return host_memory("MemAvailable");
}

std::string host_name() {
  utsname system{};
  check(::uname(&system), "uname");
  return static_cast<const char*>(system.nodename);
}

std::string machine_id() {
  return read_value(fs::path("/etc/machine-id"), std::string());
}

std::vector<TypedParameter> node_memory_parameters() {
  try {
    const std::string socket = daemon_socket_path();
    const json nothing = json::object();
    const std::optional<json> stat = dedup::ask_daemon(socket, {{"do", "stat"}});
    const std::optional<json> knobs = dedup::ask_daemon(socket, {{"do", "tune"}});
    return memory_parameters_of(stat ? stat->value("host", nothing) : nothing,
                                knobs ? knobs->value("knobs", nothing) : nothing);
  } catch (const UserError& error) {
    throw operation_failed(error.what());
  }
}

void set_node_memory_parameters(std::span<const TypedParameter> parameters) {
  const json request = tune_request_for(parameters);
  if (request.size() == 1) return;
  try {
    const std::string socket = daemon_socket_path();
    // One that we start ends soon, and what was set stays for the next.
    const UniqueFd daemon = dedup::ensure_daemon(socket);
    if (!dedup::ask_daemon(socket, request)) throw operation_failed("no daemon answers");
  } catch (const UserError& error) {
    throw invalid_argument(error.what());
  }
}

}  // namespace samepage::libvirt
