// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/console_file.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "base/check.hpp"
#include "manage/cli/interrupted.hpp"

namespace samepage::cli {
namespace {

// O_NONBLOCK: a FIFO that nobody reads yet is waited for, but not in open(), where no signal is seen.
UniqueFd open_once(const std::string& path, int flags) {
  constexpr mode_t for_all = 0666;
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | flags, for_all));
}

}  // namespace

ConsoleFile::ConsoleFile(std::string path, const vmm::StopSignals* signals)
    : fd_(open_once(path, O_CREAT | O_EXCL)) {
  constexpr int reader_turn_ms = 50;
  if (fd_) {
    made_ = std::move(path);
    return;
  }
  for (;;) {
    fd_ = open_once(path, O_CREAT);
    if (fd_) return;
    if (errno != ENXIO) throw_errno("open console file " + path);
    pollfd signalled{signals == nullptr ? -1 : signals->fd(), POLLIN, 0};
    ::poll(&signalled, 1, reader_turn_ms);
    if (signals == nullptr) continue;
    if (const int signal = signals->take(); signal != 0) throw Interrupted{signal};
  }
}

ConsoleFile::~ConsoleFile() {
  if (!made_.empty()) ::unlink(made_.c_str());
}

}  // namespace samepage::cli
