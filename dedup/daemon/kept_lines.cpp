// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/kept_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <span>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/log.hpp"
#include "base/replace_file.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {
namespace {

constexpr std::size_t longest = std::size_t{128} << 10U;  // far more than anything that is kept takes

bool is_trustworthy(const UniqueFd& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_uid == ::geteuid() || info.st_uid == 0);
}

}  // namespace

std::string KeptLines::place(const std::string& socket_path, std::string_view what) {
  const char* const folders = std::getenv("STATE_DIRECTORY");
  if (folders == nullptr || *folders != '/') return fmt::format("{}.{}", socket_path, what);
  const std::string_view all(folders);
  return fmt::format("{}/samepaged.{}", all.substr(0, all.find(':')), what);
}

KeptLines::Read KeptLines::read() const {
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ENOENT) return {};
  if (!file || !is_trustworthy(file)) {
    log(LogLevel::warning, "{} is not a file of yours, and is not read", path_);
    return {};
  }
  std::string bytes(longest, '\0');
  const ssize_t size = read_fully(file.get(), 0, std::as_writable_bytes(std::span(bytes)));
  std::string_view text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  Read found{true, {}};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) found.lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

bool KeptLines::keep(const std::vector<std::string>& lines) const {
  try {
    if (lines.empty()) {
      if (::unlink(path_.c_str()) != 0 && errno != ENOENT) throw_errno("unlink");
      return true;
    }
    std::string text;
    for (const std::string& line : lines) text += line + '\n';
    replace_file(path_, text, 0600);
    return true;
  } catch (const std::exception& error) {
    log_error(fmt::format("{} is not kept for the next daemon", path_), error);
    return false;
  }
}

}  // namespace samepage::dedup
