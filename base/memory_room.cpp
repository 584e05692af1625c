// SPDX-License-Identifier: Apache-2.0
#include "base/memory_room.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/kept_files.hpp"
#include "base/memory_cgroup.hpp"
#include "base/unique_fd.hpp"

namespace samepage {
namespace {

constexpr std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() ? std::optional(value) : std::nullopt;
}

// Of a file that holds one. Empty for "max", too.
std::optional<std::uint64_t> number_in(const std::string& path) {
  std::istringstream file(kept_text(path));
  std::string text;
  return file >> text ? number_of(text) : std::nullopt;
}

// Of a line "NAME NUMBER" or "NAME: NUMBER kB".
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    const std::size_t number = line.find_first_not_of(' ');
    if (number != 0 && number != std::string_view::npos) return number_of(line.substr(number));
  }
  return std::nullopt;
}

// Mountinfo writes blanks and the like as three octal digits behind a backslash.
std::string unescaped(std::string_view text) {
  const auto is_octal = [](char digit) { return digit >= '0' && digit <= '7'; };
  std::string plain;
  while (!text.empty()) {
    if (text.size() >= 4 && text[0] == '\\' && std::all_of(text.begin() + 1, text.begin() + 4, is_octal)) {
      plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

// `path` as seen from `root`: "" or "/a/b". Empty when it does not lie below.
std::optional<std::string> path_below(std::string_view root, std::string_view path) {
  if (path.find("/..") != std::string_view::npos) return std::nullopt;  // outside of our cgroup namespace
  if (root == "/") root = "";
  if (path == "/") path = "";
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return std::string(path);
}

// The names of the same things in the two versions.
struct CgroupFiles {
  std::string_view used;
  std::vector<std::string_view> limits;
  std::vector<std::string_view> cache;  // in memory.stat
};

const CgroupFiles& files_of(int version) {
  static const CgroupFiles one{
      "memory.usage_in_bytes", {"memory.limit_in_bytes"}, {"total_inactive_file", "total_active_file"}};
  static const CgroupFiles two{
      "memory.current", {"memory.max", "memory.high"}, {"inactive_file", "active_file"}};
  return version == 1 ? one : two;
}

MemoryRoom room_of_cgroup(int version, const std::string& folder) {
  const CgroupFiles& files = files_of(version);
  MemoryRoom room{unbounded, unbounded, unbounded};
  for (const std::string_view name : files.limits) {
    room.limit = std::min(room.limit, number_in(folder + "/" + std::string(name)).value_or(unbounded));
  }
  const std::optional<std::uint64_t> used = number_in(folder + "/" + std::string(files.used));
  if (room.limit == unbounded || !used) return {unbounded, unbounded, unbounded};
  std::uint64_t cache = 0;
  const std::string statistics = kept_text(folder + "/memory.stat");
  for (const std::string_view name : files.cache) cache += number_of(statistics, name).value_or(0);
  const std::uint64_t kept = *used - std::min(*used, cache);
  room.available = room.limit - std::min(room.limit, kept);
  room.unused = room.limit - std::min(room.limit, *used);
  return room;
}

// Of what /proc/meminfo says. The kernel adds all of it up for each reader, so it is read once.
MemoryRoom room_of_host(const std::string& meminfo) {
  const std::optional<std::uint64_t> available = number_of(meminfo, "MemAvailable:");
  const std::optional<std::uint64_t> total = number_of(meminfo, "MemTotal:");
  if (!available || !total) return {unbounded, unbounded, unbounded};
  const std::uint64_t unused = number_of(meminfo, "MemFree:").value_or(*available);
  return {*available * 1024, *total * 1024, std::min(unused, *available) * 1024};
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=NUMBER"
std::optional<std::uint64_t> stalled_in(const std::string& path) {
  std::istringstream file(kept_text(path));
  std::string word;
  if (!(file >> word) || word != "some") return std::nullopt;
  constexpr std::string_view name = "total=";
  while (file >> word && word != "full") {
    if (word.starts_with(name)) return number_of(std::string_view(word).substr(name.size()));
  }
  return std::nullopt;
}

// How much of the host's swap a cgroup may still use.
std::uint64_t swap_of_cgroup(int version, const std::string& folder) {
  if (version == 1) return number_in(folder + "/memory.swappiness") == std::uint64_t{0} ? 0 : unbounded;
  const std::uint64_t limit = number_in(folder + "/memory.swap.max").value_or(unbounded);
  const std::uint64_t used = number_in(folder + "/memory.swap.current").value_or(0);
  return limit - std::min(limit, used);
}

// In a jail no path leads there, but somebody opens it for us.
UniqueFd opened_folder(const std::string& folder) {
  return UniqueFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Paths are not enough: in cgroup namespaces all have "/".
std::uint64_t place_of(const std::string& folder) {
  struct stat about {};
  const UniqueFd opened = opened_folder(folder);
  if (!opened || ::fstat(opened.get(), &about) != 0) return std::hash<std::string>()(folder);
  return static_cast<std::uint64_t>(about.st_dev) << 40U ^ about.st_ino;
}

void add_pressure(MemoryRoom& room, const std::string& path) {
  room.stalled_us = stalled_in(path);
  room.source = std::hash<std::string>()(path);
}

}  // namespace

MemoryRoomReader::MemoryRoomReader(std::string proc, const std::string& sys) : proc_(std::move(proc)) {
  // "31 23 0:28 ROOT POINT OPTIONS [more]... - TYPE SOURCE OPTIONS"
  std::istringstream mounts(kept_text(proc_ + "/self/mountinfo"));
  std::string line;
  while (std::getline(mounts, line)) {
    if (line.find(" - cgroup") == std::string::npos) continue;
    std::istringstream words(line);
    std::string word, root, point, type, source, options;
    words >> word >> word >> word >> root >> point;
    while (words >> word && word != "-") {
    }
    words >> type >> source >> options;
    const bool first = type == "cgroup" && has_word(options, "memory");
    if (!first && type != "cgroup2") continue;
    point = unescaped(point);
    if (point.starts_with("/sys/")) point.replace(0, 4, sys);
    mounts_.push_back({first ? 1 : 2, unescaped(root), point});
  }
}

MemoryRoom MemoryRoomReader::read() {
  MemoryRoom tightest = room_of_host(kept_text(proc_ + "/meminfo"));
  // Cgroups of version 1 have no such file: the host's counts who waits in them, too.
  std::string pressure = proc_ + "/pressure/memory";
  for (const Folder& folder : folders()) {
    const MemoryRoom room = room_of_cgroup(folder.version, folder.path);
    if (room.available >= tightest.available) continue;
    tightest = room;
    tightest.place = folder.place;
    if (folder.version == 2) pressure = folder.path + "/memory.pressure";
  }
  add_pressure(tightest, pressure);
  return tightest;
}

std::uint64_t MemoryRoomReader::swap_room() {
  std::uint64_t room = number_of(kept_text(proc_ + "/meminfo"), "SwapFree:").value_or(0) * 1024;
  if (room == 0) return 0;
  for (const Folder& folder : folders()) room = std::min(room, swap_of_cgroup(folder.version, folder.path));
  return room;
}

const std::vector<MemoryRoomReader::Folder>& MemoryRoomReader::folders() {
  std::string cgroups = kept_text(proc_ + "/self/cgroup");
  if (cgroups == cgroups_ && !found_.in_vain) return found_.folders;
  cgroups_ = std::move(cgroups);
  found_ = {};
  for (const MemoryCgroup& cgroup : memory_cgroups(cgroups_))
    find_folders_of(cgroup.version, std::string(cgroup.path), found_);
  return found_.folders;
}

// The cgroup and all above it that are visible.
void MemoryRoomReader::find_folders_of(int version, const std::string& cgroup, Found& found) const {
  std::string top;
  std::string below;
  bool in_vain = false;
  for (const Mount& mount : mounts_) {
    if (mount.version != version) continue;
    if (top.empty()) top = mount.point;
    const std::optional<std::string> path = path_below(mount.root, cgroup);
    if (!path) continue;
    in_vain = !opened_folder(mount.point + *path);
    if (in_vain) continue;
    top = mount.point;
    below = *path;
    break;
  }
  found.in_vain |= in_vain;
  if (top.empty()) return;
  for (;;) {
    const std::string folder = top + below;
    found.folders.push_back({version, folder, place_of(folder)});
    if (below.empty()) return;
    below.resize(below.rfind('/'));
  }
}

}  // namespace samepage
