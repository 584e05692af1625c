// SPDX-License-Identifier: Apache-2.0
#include "base/runtime_dir.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/check.hpp"

namespace samepage {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string choose_dir() {
  if (std::string chosen = environment("SAMEPAGE_RUNTIME_DIR"); !chosen.empty()) return chosen;
  // After su or sudo it may still be the other user's directory. What we made there would lock that user out.
  struct stat info {};
  const std::string xdg = environment("XDG_RUNTIME_DIR");
  if (!xdg.empty() && ::stat(xdg.c_str(), &info) == 0 && info.st_uid == ::geteuid()) return xdg + "/samepage";
  if (::geteuid() == 0) return "/run/samepage";
  return fmt::format("/tmp/samepage-{}", ::geteuid());
}

bool is_ours(const std::filesystem::path& directory, mode_t forbidden = 0) {
  struct stat info {};
  return ::lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
         (info.st_mode & forbidden) == 0;
}

// Empty when there is none. After sudo the environment may name another user's.
std::filesystem::path state_dir() {
  std::filesystem::path home = environment("XDG_STATE_HOME");
  std::filesystem::path parts = "samepage";
  if (!home.is_absolute()) home = environment("HOME"), parts = ".local/state/samepage";
  if (!home.is_absolute() || !is_ours(home)) return {};
  for (const auto& part : parts) {
    home /= part;
    if (::mkdir(home.c_str(), 0700) != 0 && errno != EEXIST) return {};
  }
  return is_ours(home, 0022) ? home : std::filesystem::path();
}

}  // namespace

std::string log_path() {
  std::filesystem::path directory;
  if (environment("SAMEPAGE_RUNTIME_DIR").empty()) directory = state_dir();
  if (directory.empty()) directory = runtime_dir();
  return directory / "samepage.log";
}

void settle_runtime_paths() {
  for (const char* name : {"SAMEPAGE_RUNTIME_DIR", "SAMEPAGE_SOCKET", "XDG_RUNTIME_DIR"}) {
    const std::string path = environment(name);
    if (path.empty() || path.front() == '/') continue;
    ::setenv(name, std::filesystem::absolute(path).c_str(), 1);
  }
}

std::string runtime_dir() {
  std::string path = choose_dir();
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw UserError(
        fmt::format("cannot create the runtime directory {}: {}; set SAMEPAGE_RUNTIME_DIR to a "
                    "directory that you own",
                    path, std::strerror(errno)));
  }
  struct stat info {};
  check(::lstat(path.c_str(), &info), "lstat " + path);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 0022) != 0) {
    throw UserError(
        fmt::format("the runtime directory {} must be a directory that you own and nobody else can "
                    "write to; set SAMEPAGE_RUNTIME_DIR to another one",
                    path));
  }
  return path;
}

std::string daemon_socket_path() {
  if (std::string chosen = environment("SAMEPAGE_SOCKET"); !chosen.empty()) return chosen;
  return runtime_dir() + "/samepaged.sock";
}

bool daemon_socket_is_given() {
  return !environment("SAMEPAGE_SOCKET").empty();
}

}  // namespace samepage
