// SPDX-License-Identifier: Apache-2.0
#include "bench/limited_memory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.hpp"
#include "base/memory_cgroup.hpp"
#include "base/standard_output.hpp"
#include "bench/interruption.hpp"

namespace samepage::bench {
namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// Where this process is in a hierarchy of that version; the root where it can't be told.
std::string own_group(int version) {
  std::ifstream file("/proc/self/cgroup");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const MemoryCgroup& group : memory_cgroups(text)) {
    if (group.version == version) return std::string(group.path);
  }
  return "/";
}

}  // namespace

LimitedMemory::LimitedMemory(std::uint64_t bytes, Swap swap) {
  if (::geteuid() != 0) throw UserError("only root makes memory cgroups");
  struct Version {
    const char *hierarchy, *limit, *swap, *none;
  };
  for (const Version& version :
       {Version{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness", "0"},
        Version{"/sys/fs/cgroup", "memory.max", "memory.swap.max", "0"}}) {
    hierarchy_ = version.hierarchy;
    folder_ = fmt::format("{}/samepage-bench-{}", hierarchy_, ::getpid());
    second_version_ = folder_.find("/memory/") == std::string::npos;
    if (!std::filesystem::is_directory(hierarchy_) || ::mkdir(folder_.c_str(), 0755) != 0) continue;
    if (std::filesystem::exists(folder_ + "/" + version.limit) &&
        write(folder_ + "/" + version.limit, std::to_string(bytes))) {
      if (swap == Swap::forbidden) static_cast<void>(write(folder_ + "/" + version.swap, version.none));
      return;
    }
    ::rmdir(folder_.c_str());
  }
  throw UserError("no memory cgroup can be made here");
}

LimitedMemory::~LimitedMemory() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (::rmdir(folder_.c_str()) != 0) {
    if (std::chrono::steady_clock::now() > end) {
      complain(fmt::format("samepage-bench: {} stays: a process is left in it", folder_));
      return;
    }
    ::usleep(10'000);
  }
}

void LimitedMemory::inside(const std::function<void()>& act) const {
  const std::string before = hierarchy_ + own_group(second_version_ ? 2 : 1);
  const auto join = [](const std::string& group) {
    if (!write(group + "/cgroup.procs", "0")) throw UserError(fmt::format("{} can't be joined", group));
  };
  join(folder_);
  try {
    act();
  } catch (...) {
    static_cast<void>(write(before + "/cgroup.procs", "0"));
    throw;
  }
  join(before);
}

std::uint64_t LimitedMemory::killed() const {
  std::ifstream file(folder_ + (second_version_ ? "/memory.events" : "/memory.oom_control"));
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "oom_kill") return value;
  }
  return 0;
}

}  // namespace samepage::bench
