// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/places.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <cstdlib>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"

namespace samepage::libvirt {
namespace {

// Where Debian's libvirt looks.
constexpr std::string_view system_directory = "/var/run/libvirt";

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// As libvirt finds it for a user's own daemon.
std::string session_directory() {
  if (const std::string runtime = from_environment("XDG_RUNTIME_DIR"); !runtime.empty()) {
    return runtime + "/libvirt";
  }
  if (const std::string cache = from_environment("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/libvirt";
  }
  if (const std::string home = from_environment("HOME"); !home.empty()) return home + "/.cache/libvirt";
  throw UserError("where qemu:///session is, XDG_RUNTIME_DIR or HOME says, and neither is set");
}

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    throw UserError(fmt::format("the directory {} cannot be made: {}; use --socket with a path of yours",
                                path, error.message()));
  }
}

}  // namespace

std::string own_socket_path() {
  return runtime_dir() + "/libvirt-sock";
}

std::vector<Place> places_of(const std::string& uri) {
  // For root there is no other session than the system's.
  if (uri == "qemu:///system" || (uri == "qemu:///session" && ::geteuid() == 0)) {
    const std::string directory(system_directory);
    make_directory(directory);
    return {{directory + "/libvirt-sock", Access::writes}, {directory + "/libvirt-sock-ro", Access::reads}};
  }
  if (uri == "qemu:///session") {
    const std::string directory = session_directory();
    make_directory(directory);
    return {{directory + "/libvirt-sock", Access::writes}};
  }
  throw UserError(
      fmt::format("clients can't be served as '{}': only qemu:///system and qemu:///session have a place "
                  "where clients look by themselves; without --as, they are told the socket",
                  uri));
}

}  // namespace samepage::libvirt
