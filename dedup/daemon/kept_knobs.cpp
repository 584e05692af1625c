// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/kept_knobs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {
namespace {

bool is_trustworthy(const UniqueFd& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_uid == ::geteuid() || info.st_uid == 0);
}

void read_line(std::string_view line, Settings& knobs, const std::string& path) {
  if (line.empty()) return;
  try {
    const std::size_t at = line.find('=');
    if (at == std::string_view::npos) throw UserError(fmt::format("'{}' is not KNOB=VALUE", line));
    set_knob(knobs, line.substr(0, at), line.substr(at + 1));
  } catch (const UserError& error) {
    log(LogLevel::warning, "{} is left out of {}: {}", line, path, error.what());
  }
}

}  // namespace

std::string KeptKnobs::place(const std::string& socket_path) {
  const char* const folders = std::getenv("STATE_DIRECTORY");
  if (folders == nullptr || *folders != '/') return socket_path + ".knobs";
  const std::string_view all(folders);
  return std::string(all.substr(0, all.find(':'))) + "/samepaged.knobs";
}

bool KeptKnobs::read_into(Settings& knobs) const {
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ENOENT) return false;
  if (!file || !is_trustworthy(file)) {
    log(LogLevel::warning, "{} is not a file of yours, and is not read", path_);
    return false;
  }
  std::array<char, 4096> bytes{};  // far more than all knobs take
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  std::string_view text(bytes.data(), static_cast<std::size_t>(size < 0 ? 0 : size));
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    read_line(text.substr(0, end), knobs, path_);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

bool KeptKnobs::keep(const Settings& knobs, const Settings& defaults) const {
  std::string text;
  for (const KnobDescription& knob : knob_descriptions()) {
    if (knobs.*knob.field == defaults.*knob.field) continue;
    text += fmt::format("{}={}\n", knob.name, knob_text(knobs, knob));
  }
  if (text.empty()) return ::unlink(path_.c_str()) == 0 || errno == ENOENT;
  const std::string fresh = path_ + ".new";
  ::unlink(fresh.c_str());
  const UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool written =
      file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::rename(fresh.c_str(), path_.c_str()) == 0) return true;
  ::unlink(fresh.c_str());
  return false;
}

}  // namespace samepage::dedup
