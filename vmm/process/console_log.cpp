// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/console_log.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/event_fd.hpp"
#include "base/poll_timeout.hpp"

namespace samepage::vmm {

ConsoleLog::ConsoleLog(int output)
    : output_(output < 0 ? std::nullopt : std::make_optional<Outlet>(output)),
      closed_(make_event()),
      failed_(make_event()),
      news_(make_event()),
      ring_(kept) {}

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

void ConsoleLog::put_out(std::string_view text) {
  if (!output_) return;
  while (!text.empty()) {
    const Outlet::Written written = output_->write_some(text);
    text.remove_prefix(written.bytes);
    if (written.error != 0 || (written.bytes == 0 && !wait_for_room())) {
      return lose(text.size(), written.error);
    }
  }
}

// False when the output is closed and has had its time. May return early.
bool ConsoleLog::wait_for_room() const {
  std::optional<Clock::time_point> end;
  {
    const std::lock_guard lock(mutex_);
    end = closing_ends_;
  }
  std::array<pollfd, 2> waits{pollfd{output_->fd(), POLLOUT, 0}, pollfd{closed_.get(), POLLIN, 0}};
  if (!end) {
    ::poll(waits.data(), 2, -1);
    return true;
  }
  const int left = poll_timeout(*end);
  return left > 0 && ::poll(waits.data(), 1, left) != 0;
}

void ConsoleLog::lose(std::size_t bytes, int error) {
  const std::lock_guard lock(mutex_);
  loss_.bytes += bytes;
  if (loss_.error == 0) loss_.error = error;
  if (error != 0) signal_event(failed_.get());
}

void ConsoleLog::close_output() {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ends_) closing_ends_ = Clock::now() + closing_patience;
  }
  signal_event(closed_.get());
}

ConsoleLog::Loss ConsoleLog::loss() const {
  const std::lock_guard lock(mutex_);
  return loss_;
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
