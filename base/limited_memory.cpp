// SPDX-License-Identifier: Apache-2.0
#include "base/limited_memory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/check.hpp"
#include "base/standard_output.hpp"

namespace samepage {
namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

}  // namespace

LimitedMemory::LimitedMemory(const std::string& name, std::uint64_t bytes, Swap swap) : limit_(bytes) {
  if (::geteuid() != 0) throw UserError("only root makes memory cgroups");
  for (const int version : {1, 2}) {
    version_ = version;
    hierarchy_ = version == 1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
    folder_ = hierarchy_ + "/" + name;
    limit_file_ = folder_ + (version == 1 ? "/memory.limit_in_bytes" : "/memory.max");
    if (make()) {
      set_swap(swap);
      return;
    }
  }
  throw UserError("no memory cgroup can be made here");
}

bool LimitedMemory::make() const {
  if (!std::filesystem::is_directory(hierarchy_) || ::mkdir(folder_.c_str(), 0755) != 0) return false;
  if (std::filesystem::exists(limit_file_) && write(limit_file_, std::to_string(limit_))) return true;
  ::rmdir(folder_.c_str());
  return false;
}

// Version 1 sets a lower limit when it has pushed enough out, or not at all.
void LimitedMemory::squeeze(std::uint64_t bytes) const {
  if (version_ == 1) {
    static_cast<void>(write(limit_file_, std::to_string(bytes)));
    static_cast<void>(write(limit_file_, std::to_string(limit_)));
    return;
  }
  std::uint64_t now = 0;
  std::ifstream(folder_ + "/memory.current") >> now;
  if (now > bytes) static_cast<void>(write(folder_ + "/memory.reclaim", std::to_string(now - bytes)));
}

void LimitedMemory::set_limit(std::uint64_t bytes) {
  if (!write(limit_file_, std::to_string(bytes)))
    throw UserError(fmt::format("{} does not take {}", limit_file_, bytes));
  limit_ = bytes;
}

void LimitedMemory::set_swap(Swap swap) const {
  const bool none = swap == Swap::forbidden;
  if (version_ == 1 && swap != Swap::allowed)
    static_cast<void>(write(folder_ + "/memory.swappiness", none ? "0" : "100"));
  if (version_ == 2 && none) static_cast<void>(write(folder_ + "/memory.swap.max", "0"));
}

LimitedMemory::~LimitedMemory() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (::rmdir(folder_.c_str()) != 0) {
    if (std::chrono::steady_clock::now() > end) {
      complain(fmt::format("{} stays: a process is left in it", folder_));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::uint64_t LimitedMemory::killed() const {
  std::ifstream file(folder_ + (version_ == 2 ? "/memory.events" : "/memory.oom_control"));
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "oom_kill") return value;
  }
  return 0;
}

}  // namespace samepage
