// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.hpp"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "base/check.hpp"
#include "base/kept_files.hpp"

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

// The number that the line begins with; it and the character behind it are taken off.
std::uint64_t take_number(std::string_view& line, int base) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), number, base);
  const auto length = static_cast<std::size_t>(read.ptr - line.data());
  line.remove_prefix(std::min(length + 1, line.size()));
  return number;
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
    if (const auto value = field_value(line, "Pss")) memory.pss = *value;
    if (const auto value = field_value(line, "SwapPss")) memory.swap_pss = *value;
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
  const std::string maps = kept_text("/proc/self/maps");
  for (std::string_view rest = maps; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    MappedRange range;
    range.start = take_number(line, 16);
    range.end = take_number(line, 16);
    if (range.end <= start) continue;
    if (range.start >= end) break;
    line.remove_prefix(std::min<std::size_t>(line.find(' ') + 1, line.size()));  // the rights
    range.offset = take_number(line, 16);
    const auto major = static_cast<unsigned>(take_number(line, 16));
    const auto minor = static_cast<unsigned>(take_number(line, 16));
    range.device = makedev(major, minor);
    range.inode = take_number(line, 10);
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

std::size_t max_map_count() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  std::size_t count = 0;
  return file >> count ? count : 65530;
}

}  // namespace samepage
