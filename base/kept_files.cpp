// SPDX-License-Identifier: Apache-2.0
#include "base/kept_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/unique_fd.hpp"

namespace samepage {
namespace {

constexpr std::size_t most_open = 64;

// Empty when it can't be read (a control group that is gone).
std::optional<std::string> all_of(int fd) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t got = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::string kept_text(const std::string& path) {
  static std::mutex lock;
  static std::map<std::string, UniqueFd> open;
  static pid_t owner = 0;  // what /proc/self is, which a child inherits
  const std::lock_guard guard(lock);
  if (std::exchange(owner, ::getpid()) != ::getpid()) open.clear();
  if (const auto kept = open.find(path); kept != open.end()) {
    if (std::optional<std::string> text = all_of(kept->second.get())) return *text;
    open.erase(kept);
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::string text = all_of(fd.get()).value_or(std::string());
  if (open.size() >= most_open) open.clear();
  if (path.starts_with("/proc/") || path.starts_with("/sys/")) open.emplace(path, std::move(fd));
  return text;
}

}  // namespace samepage
