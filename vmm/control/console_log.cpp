// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/console_log.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <utility>

#include "base/event_fd.hpp"

namespace samepage::vmm {

ConsoleLog::ConsoleLog(int output)
    : output_(output), closed_(make_event()), news_(make_event()), ring_(kept) {}

void ConsoleLog::keep(std::string_view text) {
  const std::lock_guard lock(mutex_);
  keep_locked(text);
  if (watched_) wake_locked();
}

void ConsoleLog::keep_locked(std::string_view text) {
  if (text.size() > ring_.size()) {
    total_ += text.size() - ring_.size();
    text.remove_prefix(text.size() - ring_.size());
  }
  while (!text.empty()) {
    const std::size_t at = total_ % ring_.size();
    const std::string_view part = text.substr(0, ring_.size() - at);
    std::copy(part.begin(), part.end(), ring_.begin() + static_cast<std::ptrdiff_t>(at));
    total_ += part.size();
    text.remove_prefix(part.size());
  }
  first_ = std::max(first_, total_ - std::min<std::uint64_t>(total_, ring_.size()));
}

// A pipe that polls as writable takes PIPE_BUF bytes without blocking, so a guest whose reader sleeps can
// still be stopped.
void ConsoleLog::put_out(std::string_view text) const {
  if (output_ < 0) return;
  while (!text.empty()) {
    std::array<pollfd, 2> waits{pollfd{output_, POLLOUT, 0}, pollfd{closed_.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if ((waits[0].revents & (POLLOUT | POLLERR | POLLHUP)) == 0) continue;
    const ssize_t written = ::write(output_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) return;  // the reader is gone or the disk is full: the guest runs on
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void ConsoleLog::close_output() {
  signal_event(closed_.get());
}

std::string ConsoleLog::tail() const {
  const std::lock_guard lock(mutex_);
  return read_locked(total_ - std::min<std::uint64_t>(total_, kept), kept).text;
}

std::uint64_t ConsoleLog::tail_begin() const {
  const std::lock_guard lock(mutex_);
  return total_ - std::min<std::uint64_t>(total_, kept);
}

ConsoleLog::Piece ConsoleLog::read(std::uint64_t from, std::size_t most) const {
  const std::lock_guard lock(mutex_);
  return read_locked(from, most);
}

ConsoleLog::Piece ConsoleLog::read_locked(std::uint64_t from, std::size_t most) const {
  const std::uint64_t begin = std::max(from, first_);
  const std::size_t size = std::min<std::uint64_t>(total_ - begin, most);
  Piece piece{begin - from, {}, begin + size};
  piece.text.reserve(size);
  const std::size_t at = begin % ring_.size();
  const std::size_t before_wrap = std::min(size, ring_.size() - at);
  piece.text.append(ring_.data() + at, before_wrap);
  piece.text.append(ring_.data(), size - before_wrap);
  return piece;
}

void ConsoleLog::set_watched(Watched watched) {
  const std::lock_guard lock(mutex_);
  watched_ = watched == Watched::yes;
  const std::size_t size = watched_ ? kept_for_watchers : kept;
  if (size == ring_.size()) return;
  const std::uint64_t from = std::max(first_, total_ - std::min<std::uint64_t>(total_, size));
  const std::string text = read_locked(from, size).text;
  std::vector<char>(size).swap(ring_);
  total_ = first_ = from;
  keep_locked(text);
}

void ConsoleLog::take_news() {
  const std::lock_guard lock(mutex_);
  news_told_ = false;
  clear_event(news_.get());
}

void ConsoleLog::wake() {
  const std::lock_guard lock(mutex_);
  wake_locked();
}

// One write of the host for all that is printed until somebody looks.
void ConsoleLog::wake_locked() {
  if (std::exchange(news_told_, true)) return;
  signal_event(news_.get());
}

}  // namespace samepage::vmm
