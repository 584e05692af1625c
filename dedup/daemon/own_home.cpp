// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/own_home.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/log.hpp"
#include "base/memory_cgroup.hpp"

namespace samepage::dedup {
namespace {

constexpr std::string_view mount = "/sys/fs/cgroup";

// The path within its hierarchy of the group that accounts for memory: "4:memory:/a" or "0::/a".
struct OwnGroup {
  std::string_view hierarchy;  // below `mount`
  std::string_view path;
};

OwnGroup memory_group(std::string_view text) {
  OwnGroup group;
  for (const MemoryCgroup& one : memory_cgroups(text)) {
    // Where both versions are mounted, memory is version 1's.
    if (one.version == 1) return {"/memory", one.path};
    group = {"", one.path};
  }
  return group;
}

bool write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

bool move_to(const std::string& group) {
  return write_text(group + "/cgroup.procs", std::to_string(::getpid()));
}

}  // namespace

std::vector<std::string> homes_above(std::string_view cgroups) {
  const OwnGroup group = memory_group(cgroups);
  std::vector<std::string> homes;
  // A group that is not below the mount's root ("/../x": another namespace's) cannot be reached.
  if (group.path.empty() || group.path.starts_with("/..")) return homes;
  const std::string name = fmt::format("samepaged-{}", ::geteuid());  // a dead daemon's group is used again
  for (std::size_t end = 0; end < group.path.size() && end != std::string_view::npos;
       end = group.path.find('/', end + 1)) {
    homes.push_back(fmt::format("{}{}{}/{}", mount, group.hierarchy, group.path.substr(0, end), name));
  }
  return homes;
}

OwnHome::OwnHome() {
  std::ifstream file("/proc/self/cgroup");
  const std::string cgroups{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (const std::string& home : homes_above(cgroups)) {
    if (::mkdir(home.c_str(), 0755) != 0 && errno != EEXIST) continue;
    if (move_to(home)) {
      path_ = home;
      break;
    }
    ::rmdir(home.c_str());  // not where another daemon of this user is in it
  }
  if (path_.empty()) log(LogLevel::info, "it stays in the control group of whoever has started it");
  write_text("/proc/self/oom_score_adj", "-900");
}

OwnHome::~OwnHome() {
  // A group with a process in it can't be removed. What guests still map stays charged to the group above.
  if (!path_.empty() && move_to(path_.substr(0, path_.rfind('/')))) ::rmdir(path_.c_str());
}

}  // namespace samepage::dedup
