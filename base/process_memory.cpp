// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.hpp"

#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <fstream>

#include "base/check.hpp"

namespace samepage {
namespace {

// Bytes of a line "Name:   123 kB" when it is `name`'s, else empty.
std::optional<std::uint64_t> field_value(std::string_view line, std::string_view name) {
  if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  line.remove_prefix(name.size() + 1);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  std::uint64_t value = 0;
  std::from_chars(line.data(), line.data() + line.size(), value);
  return value * 1024;
}

std::int64_t page_faults_of(int who) {
  rusage usage{};
  check(::getrusage(who, &usage), "getrusage");
  return usage.ru_minflt;
}

}  // namespace

std::optional<ProcessMemory> memory_of(pid_t pid) {
  ProcessMemory memory;
  const std::string directory = "/proc/" + std::to_string(pid);
  std::ifstream rollup(directory + "/smaps_rollup");
  std::string line;
  bool seen = false;
  while (std::getline(rollup, line)) {
    if (const auto value = field_value(line, "Pss_Anon")) memory.pss_anon = *value, seen = true;
    if (const auto value = field_value(line, "Private_Dirty")) memory.private_dirty = *value;
    if (const auto value = field_value(line, "Rss")) memory.rss = *value;
  }
  if (!seen) return std::nullopt;
  std::ifstream status(directory + "/status");
  while (std::getline(status, line)) {
    if (const auto value = field_value(line, "VmPTE")) memory.page_tables = *value;
  }
  return memory;
}

ProcessMemory own_memory() {
  return memory_of(::getpid()).value_or(ProcessMemory{});
}

std::vector<MappedRange> mappings_in(std::uint64_t start, std::uint64_t end) {
  std::vector<MappedRange> ranges;
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    MappedRange range;
    unsigned major = 0, minor = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64, &range.start,
                    &range.end, &range.offset, &major, &minor, &range.inode) != 6) {
      continue;
    }
    range.device = makedev(major, minor);
    if (range.end <= start) continue;
    if (range.start >= end) break;
    if (range.start < start) range.offset += start - range.start, range.start = start;
    range.end = std::min(range.end, end);
    ranges.push_back(range);
  }
  return ranges;
}

std::uint64_t host_memory(std::string_view field) {
  std::ifstream meminfo("/proc/meminfo");
  std::string line;
  while (std::getline(meminfo, line)) {
    if (const auto value = field_value(line, field)) return *value;
  }
  return 0;
}

std::int64_t page_faults_of_this_thread() {
  return page_faults_of(RUSAGE_THREAD);
}

std::int64_t page_faults_of_other_threads() {
  const std::int64_t ours = page_faults_of_this_thread();
  return page_faults_of(RUSAGE_SELF) - ours;
}

std::size_t max_map_count() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  std::size_t count = 0;
  return file >> count ? count : 65530;
}

}  // namespace samepage
