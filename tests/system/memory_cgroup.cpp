// SPDX-License-Identifier: Apache-2.0
#include "tests/system/memory_cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace samepage::system_test {
namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

}  // namespace

MemoryCgroup::MemoryCgroup(const std::string& name, std::uint64_t limit, Swap swap) {
  if (::geteuid() != 0) {
    problem_ = "only root makes memory cgroups";
    return;
  }
  if (make("/sys/fs/cgroup/memory/" + name, "memory.limit_in_bytes", limit)) {
    static_cast<void>(write(folder_ + "/memory.swappiness", swap == Swap::none ? "0" : "100"));
    return;
  }
  if (make("/sys/fs/cgroup/" + name, "memory.max", limit)) {
    second_version_ = true;
    if (swap == Swap::none) static_cast<void>(write(folder_ + "/memory.swap.max", "0"));
    return;
  }
  problem_ = "no memory cgroup can be made here";
}

bool MemoryCgroup::make(const std::string& folder, const std::string& limit_file, std::uint64_t limit) {
  if (!std::filesystem::is_directory(std::filesystem::path(folder).parent_path())) return false;
  if (::mkdir(folder.c_str(), 0755) != 0) return false;
  if (std::filesystem::exists(folder + "/" + limit_file) &&
      write(folder + "/" + limit_file, std::to_string(limit))) {
    folder_ = folder;
    return true;
  }
  ::rmdir(folder.c_str());
  return false;
}

MemoryCgroup::~MemoryCgroup() {
  if (folder_.empty()) return;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (::rmdir(folder_.c_str()) != 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Surroundings MemoryCgroup::joining() const {
  return [procs = folder_ + "/cgroup.procs"] {
    const int fd = ::open(procs.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, "0", 1) != 1) ::_exit(126);
  };
}

std::uint64_t MemoryCgroup::killed() const {
  std::ifstream file(folder_ + (second_version_ ? "/memory.events" : "/memory.oom_control"));
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "oom_kill") return value;
  }
  return 0;
}

}  // namespace samepage::system_test
