// SPDX-License-Identifier: Apache-2.0
#include "vmm/opener/opener_policy.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "vmm/control/is_guest_name.hpp"

namespace samepage::vmm {
namespace {

// Of the process itself: figures, and what of its memory is mapped, written or shared.
constexpr std::array<std::string_view, 8> own_files{"cgroup", "maps",   "mountinfo", "pagemap",
                                                    "stat",   "status", "statm",     "smaps_rollup"};
// Of the host: how much memory there is.
constexpr std::array<std::string_view, 5> host_files{"/proc/meminfo", "/proc/swaps", "/proc/vmstat",
                                                     "/proc/sys/kernel/random/boot_id", "/dev/urandom"};
constexpr std::array<std::string_view, 3> host_folders{"/proc/pressure/", "/proc/sys/vm/", "/sys/fs/cgroup/"};

// What a caller may ask for besides; none of it changes anything.
constexpr int harmless =
    O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_DIRECTORY | 0100000 /*O_LARGEFILE*/;

bool only_reads(int flags) {
  return (flags & ~harmless) == O_RDONLY;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool leads_elsewhere(std::string_view path) {
  return !path.starts_with('/') || path.find("/../") != std::string_view::npos || path.ends_with("/..");
}

// What follows `prefix`, if it does.
std::optional<std::string_view> behind(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  return path;
}

PathText own_folder(const OpenerPolicy& policy) {
  return PathText("/proc/").add(static_cast<std::uint64_t>(policy.guest)).add("/");
}

// A path of /proc that is the process's own, behind its number.
std::optional<std::string_view> own_part(const OpenerPolicy& policy, std::string_view path) {
  if (const auto part = behind(path, "/proc/self/")) return part;
  return behind(path, own_folder(policy).view());
}

bool is_thread_stat(std::string_view part) {
  constexpr std::string_view stat = "/stat";
  auto rest = behind(part, "task/");
  if (!rest || !rest->ends_with(stat)) return false;
  rest->remove_suffix(stat.size());
  return is_number(*rest);
}

// Read once more, or, of a stream, written to without waiting.
std::optional<Opening> opened_again(const OpenerPolicy& policy, std::string_view number, int flags) {
  if (!is_number(number)) return std::nullopt;
  const PathText path = own_folder(policy).add("fd/").add(number);
  const int wanted = flags & ~harmless;
  if (wanted == O_RDONLY && (flags & O_NONBLOCK) == 0) {
    return Opening{path, O_RDONLY, 0, Opening::Target::unnamed};
  }
  if (wanted != O_RDONLY && wanted != O_WRONLY) return std::nullopt;
  return Opening{path, wanted | O_NONBLOCK | O_NOCTTY, 0, Opening::Target::stream};
}

std::optional<Opening> own_file(const OpenerPolicy& policy, std::string_view part, int flags) {
  if (const auto number = behind(part, "fd/")) return opened_again(policy, *number, flags);
  const bool known = std::find(own_files.begin(), own_files.end(), part) != own_files.end();
  if (!only_reads(flags) || (!known && !is_thread_stat(part))) return std::nullopt;
  return Opening{own_folder(policy).add(part), O_RDONLY};
}

PathText records(const OpenerPolicy& policy) {
  return PathText(policy.runtime).add("/ended");
}

PathText pending_record(const OpenerPolicy& policy) {
  return records(policy).add("/.").add(policy.name).add(".").add(static_cast<std::uint64_t>(policy.guest));
}

bool is(const PathText& text, std::string_view path) {
  return text.fits() && text.view() == path;
}

bool is_host_file(std::string_view path) {
  return std::find(host_files.begin(), host_files.end(), path) != host_files.end() ||
         path == "/sys/fs/cgroup" ||
         std::any_of(host_folders.begin(), host_folders.end(),
                     [&](std::string_view folder) { return path.starts_with(folder); });
}

}  // namespace

std::optional<Opening> opening_for(const OpenerPolicy& policy, std::string_view path, int flags) {
  if (leads_elsewhere(path)) return std::nullopt;
  if (const auto part = own_part(policy, path)) return own_file(policy, *part, flags);
  if (!policy.log.empty() && path == policy.log &&
      (flags & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND)) {
    return Opening{PathText(path), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600};
  }
  if (is(pending_record(policy), path) && (flags & O_ACCMODE) == O_WRONLY) {
    return Opening{PathText(path), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600};
  }
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    const auto& places = policy.temporary;
    if (std::find(places.begin(), places.end(), path) == places.end()) return std::nullopt;
    return Opening{PathText(path), O_TMPFILE | O_RDWR, 0600};
  }
  if (!only_reads(flags)) return std::nullopt;
  if (is(records(policy), path)) return Opening{PathText(path), O_RDONLY | O_DIRECTORY | O_NONBLOCK};
  if (is_host_file(path)) return Opening{PathText(path), O_RDONLY | O_NOCTTY};
  return std::nullopt;
}

bool may_make_directory(const OpenerPolicy& policy, std::string_view path) {
  return path == policy.runtime || is(records(policy), path);
}

// Its socket, and records, of which the oldest go.
bool may_remove(const OpenerPolicy& policy, std::string_view path) {
  if (is(PathText(policy.resolved_runtime).add("/guests/").add(policy.name).add(".sock"), path)) return true;
  const auto record = behind(path, records(policy).add("/").view());
  return record && is_guest_name(*record);
}

bool may_rename(const OpenerPolicy& policy, std::string_view from, std::string_view to) {
  if (!policy.log.empty() && from == policy.log) return is(PathText(policy.log).add(".1"), to);
  return is(pending_record(policy), from) && is(records(policy).add("/").add(policy.name), to);
}

}  // namespace samepage::vmm
