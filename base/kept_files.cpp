// SPDX-License-Identifier: Apache-2.0
#include "base/kept_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
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
  using Clock = std::chrono::steady_clock;
  struct Kept {
    UniqueFd fd;  // none: it was not there
    Clock::time_point tried;
  };
  static std::mutex lock;
  static std::map<std::string, Kept> files;
  static pid_t owner = 0;  // what /proc/self is, which a child inherits
  const std::lock_guard guard(lock);
  if (std::exchange(owner, ::getpid()) != ::getpid()) files.clear();
  if (const auto kept = files.find(path); kept != files.end()) {
    if (!kept->second.fd && Clock::now() - kept->second.tried < std::chrono::seconds(1)) return {};
    if (kept->second.fd) {
      if (std::optional<std::string> text = all_of(kept->second.fd.get())) return *text;
    }
    files.erase(kept);
  }
  Kept opened{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), Clock::now()};
  const bool is_missing = !opened.fd && errno == ENOENT;
  std::string text = opened.fd ? all_of(opened.fd.get()).value_or(std::string()) : std::string();
  if (files.size() >= most_open) files.clear();
  const bool is_the_kernels = path.starts_with("/proc/") || path.starts_with("/sys/");
  if (is_the_kernels && (opened.fd || is_missing)) files.emplace(path, std::move(opened));
  return text;
}

}  // namespace samepage
