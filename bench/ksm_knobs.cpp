// SPDX-License-Identifier: Apache-2.0
#include "bench/ksm_knobs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/check.hpp"
#include "base/standard_output.hpp"
#include "base/unique_fd.hpp"
#include "bench/interruption.hpp"

namespace samepage::bench {
namespace {

// The knobs that the bench changes, in the order in which they are set back: after everything was unmerged,
// because merge_across_nodes can't be set otherwise, and with the advisor off, which would control
// pages_to_scan.
constexpr std::array turned{"merge_across_nodes", "use_zero_pages",  "smart_scan",
                            "pages_to_scan",      "sleep_millisecs", "advisor_mode"};

using SavedKnobs = std::vector<std::pair<std::string, std::string>>;

// One bench at a time: a second one would measure the first, and save knobs that the first has turned.
UniqueFd lock_ksm(const Ksm& ksm) {
  UniqueFd file = checked_fd(::open(ksm.path_of("run").c_str(), O_RDONLY | O_CLOEXEC), "open of KSM's run");
  bool told = false;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw_errno("flock of KSM's run");
    if (!std::exchange(told, true)) complain("samepage-bench: waiting for another samepage-bench");
    pause_for(std::chrono::milliseconds(200));
  }
  return file;
}

void set_back(const Ksm& ksm, std::string_view name, std::string_view value) {
  try {
    ksm.set(name, value);
  } catch (const std::exception& error) {
    complain(fmt::format("samepage-bench: KSM's {0} could not be set back; write {1} to {2}: {3}", name,
                         value, ksm.path_of(name), error.what()));
  }
}

}  // namespace

std::string Ksm::path_of(std::string_view name) const {
  return fmt::format("{}/{}", folder_, name);
}

bool Ksm::has(std::string_view name) const {
  return ::access(path_of(name).c_str(), F_OK) == 0;
}

std::string Ksm::obstacle() const {
  if (::access(path_of("run").c_str(), R_OK | W_OK) == 0) return {};
  switch (errno) {
    case ENOENT:
      return "this kernel has no KSM (CONFIG_KSM); take --without-ksmd to measure ours alone";
    case EROFS:
      return fmt::format(
          "{} is read-only here, as in most containers; run the bench on the host itself, or take "
          "--without-ksmd to measure ours alone",
          folder_);
    default:
      return "turning ksmd's knobs needs root; run the bench as root, or take --without-ksmd to measure ours "
             "alone";
  }
}

std::string Ksm::text(std::string_view name) const {
  std::ifstream file(path_of(name));
  std::string text;
  std::getline(file, text);
  const auto open = text.find('[');
  if (open == std::string::npos) return text;
  return text.substr(open + 1, text.find(']') - open - 1);
}

std::uint64_t Ksm::number(std::string_view name) const {
  return std::strtoull(text(name).c_str(), nullptr, 10);
}

void Ksm::set(std::string_view name, std::string_view value) const {
  const UniqueFd file(::open(path_of(name).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file && errno == ENOENT) return;
  const std::string what = fmt::format("write of {} to KSM's {}", value, name);
  check(file.get(), what);
  ssize_t written = 0;
  do {
    written = ::write(file.get(), value.data(), value.size());
  } while (written < 0 && errno == EINTR);
  check(written, what);
}

std::vector<pid_t> processes_in_ksm() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "ksm_stat");
    const pid_t pid = std::atoi(entry.path().filename().c_str());  // 0 of /proc/self
    for (std::string line; pid != 0 && std::getline(file, line);) {
      if (line != "ksm_mergeable: yes" && line != "ksm_merge_any: yes") continue;
      found.push_back(pid);
      break;
    }
  }
  return found;
}

KsmKnobGuard::KsmKnobGuard(const Ksm& ksm) {
  const UniqueFd lock = lock_ksm(ksm);  // the keeper holds it until the knobs are back
  SavedKnobs saved;
  const std::string run = ksm.text("run");
  const bool advised = ksm.has("advisor_mode") && ksm.text("advisor_mode") != "none";
  for (const std::string_view name : turned) {
    if (!ksm.has(name) || (advised && name == "pages_to_scan")) continue;  // the advisor sets it anew
    saved.emplace_back(name, ksm.text(name));
  }
  keeper_.emplace([ksm, saved, run] {
    set_back(ksm, "run", "2");  // nothing that the bench had merged stays merged
    set_back(ksm, "advisor_mode", "none");
    for (const auto& [name, value] : saved) set_back(ksm, name, value);
    set_back(ksm, "run", run);
  });
}

}  // namespace samepage::bench
