// SPDX-License-Identifier: Apache-2.0
#include "manage/report/record_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace samepage::report {
namespace {

constexpr std::size_t piece = 64 << 10;
// Thousands of guests have lines of some MiB.
constexpr std::size_t longest_line = 64 << 20;

[[noreturn]] void fail(const char* what, const std::string& path) {
  throw UserError(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

UserError not_a_record(const std::string& path, const char* way_out) {
  return UserError(fmt::format("{} is not a record of 'samepage report --record'; {}", path, way_out));
}

std::string first_line_of(int fd, const std::string& path) {
  std::string text(piece, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  if (got < 0) fail("read", path);
  text.resize(static_cast<std::size_t>(got));
  return text.substr(0, text.find('\n'));
}

}  // namespace

RecordFile::RecordFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (!fd_) fail("open", path_);
  struct stat info {};
  check(::fstat(fd_.get(), &info), "fstat " + path_);
  if (!S_ISREG(info.st_mode)) throw UserError(fmt::format("{} is not a file; a record needs one", path_));
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) throw UserError(fmt::format("{} is being recorded by another process", path_));
    fail("lock", path_);
  }
  if (info.st_size > 0) follow_what_is_there();
}

void RecordFile::follow_what_is_there() const {
  if (!is_first_line(first_line_of(fd_.get(), path_)))
    throw not_a_record(path_, "name another file, or remove it");
  struct stat info {};
  check(::fstat(fd_.get(), &info), "fstat " + path_);
  char last = '\n';
  if (::pread(fd_.get(), &last, 1, info.st_size - 1) != 1) fail("read", path_);
  if (last != '\n') append("\n");
}

void RecordFile::append(std::string_view line) const {
  while (!line.empty()) {
    const ssize_t written = ::write(fd_.get(), line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path_);
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

void read_record(const std::string& path, RecordReader& reader) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail("open", path);
  std::vector<char> buffer(piece);
  std::string line;
  bool first = true;
  const auto take = [&] {
    if (std::exchange(first, false) && !is_first_line(line)) throw not_a_record(path, "give it one that is");
    reader.read(line);
    line.clear();
  };
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path);
    if (got == 0) break;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      line += rest.substr(0, end);
      take();
    }
    line += rest;
    if (line.size() > longest_line) throw not_a_record(path, "a line of it has no end");
  }
  if (first || !line.empty()) take();
}

}  // namespace samepage::report
