// SPDX-License-Identifier: Apache-2.0
#include "tests/system/bad_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/check.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::system_test {
namespace {

using Page = std::array<char, page_size>;
constexpr std::size_t telling_bytes = 32;  // what a page begins with is enough to know it again

bool succeeds(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// "START-END", as the links in /proc/PID/map_files are named.
std::string longest_mapping(pid_t process, const std::string& below) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  std::string line, longest;
  std::uint64_t most = 0;
  while (std::getline(maps, line)) {
    if (line.find(below + "/") == std::string::npos) continue;
    const std::uint64_t start = std::stoull(line, nullptr, 16);
    const std::uint64_t end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    if (end - start <= most) continue;
    most = end - start;
    longest = line.substr(0, line.find(' '));
  }
  return longest;
}

std::uint64_t offset_of(pid_t process, const std::string& mapping) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  std::string line, word;
  while (std::getline(maps, line)) {
    if (!line.starts_with(mapping)) continue;
    std::istringstream words(line);
    words >> word >> word >> word;
    return std::stoull(word, nullptr, 16);
  }
  return 0;
}

std::uint64_t length_of(const std::string& mapping) {
  return std::stoull(mapping.substr(mapping.find('-') + 1), nullptr, 16) - std::stoull(mapping, nullptr, 16);
}

}  // namespace

BadDisk::BadDisk() : problem_(make()) {}

std::string BadDisk::make() {
  if (::geteuid() != 0) return "only root may mount a disk";
  const UniqueFd image = checked_fd(::open(image_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600), "open");
  check(::ftruncate(image.get(), off_t{256} << 20), "ftruncate");
  // Data and metadata once each: with a second copy the file system would mend what is damaged.
  if (!succeeds("mkfs.btrfs -q -m single -d single " + image_))
    return "there is no mkfs.btrfs here (btrfs-progs)";
  std::filesystem::create_directory(mounted_);
  if (!succeeds("mount -o loop " + image_ + " " + mounted_))
    return "btrfs in a loop device can't be mounted here";
  return {};
}

BadDisk::~BadDisk() {
  // The loop device goes with the mount, and the mount with the last who uses it.
  ::umount2(mounted_.c_str(), MNT_DETACH);
}

std::size_t BadDisk::damage(pid_t process) const {
  const std::string mapping = longest_mapping(process, mounted_);
  if (mapping.empty()) return 0;
  const UniqueFd slots(
      ::open(("/proc/" + std::to_string(process) + "/map_files/" + mapping).c_str(), O_RDONLY | O_CLOEXEC));
  if (!slots) return 0;
  std::set<std::string> begins;
  const std::uint64_t offset = offset_of(process, mapping), end = offset + length_of(mapping);
  Page page;
  for (std::uint64_t at = offset; at < end; at += static_cast<off_t>(page_size)) {
    if (::pread(slots.get(), page.data(), page.size(), static_cast<off_t>(at)) != page_size) return 0;
    begins.emplace(page.data(), telling_bytes);
  }
  ::posix_fadvise(slots.get(), 0, 0, POSIX_FADV_DONTNEED);

  const UniqueFd image = checked_fd(::open(image_.c_str(), O_RDWR | O_CLOEXEC), "open");
  std::size_t damaged = 0;
  for (off_t at = 0; ::pread(image.get(), page.data(), page.size(), at) == page_size;
       at += static_cast<off_t>(page_size)) {
    if (!begins.contains(std::string(page.data(), telling_bytes))) continue;
    check(::pwrite(image.get(), "damaged", 7, at), "pwrite");
    ++damaged;
  }
  check(::fsync(image.get()), "fsync");
  return damaged;
}

}  // namespace samepage::system_test
