// SPDX-License-Identifier: Apache-2.0
#include "bench/inside_cgroup.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/check.hpp"
#include "base/memory_cgroup.hpp"

namespace samepage::bench {
namespace {

// Where this process is in a hierarchy of that version; the root where it can't be told.
std::string own_group(int version) {
  std::ifstream file("/proc/self/cgroup");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const MemoryCgroup& group : memory_cgroups(text)) {
    if (group.version == version) return std::string(group.path);
  }
  return "/";
}

bool write_own_number(const std::string& members) {
  std::ofstream file(members);
  file << "0" << std::flush;
  return file.good();
}

void join(const std::string& members) {
  if (!write_own_number(members)) throw UserError(fmt::format("{} can't be joined", members));
}

}  // namespace

void inside(const LimitedMemory& cgroup, const std::function<void()>& act) {
  const std::string before = cgroup.hierarchy() + own_group(cgroup.version()) + "/cgroup.procs";
  join(cgroup.members());
  try {
    act();
  } catch (...) {
    static_cast<void>(write_own_number(before));
    throw;
  }
  join(before);
}

}  // namespace samepage::bench
