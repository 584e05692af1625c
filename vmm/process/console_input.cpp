// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/console_input.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/open_again.hpp"

namespace samepage::vmm {
namespace {

constexpr std::size_t piece_bytes = 4096;
constexpr int foreground_check_ms = 1000;  // nobody tells a process that it has come to the foreground
constexpr char control_c = '\x03';

// A terminal that does not control this process has no foreground.
bool in_foreground(int terminal) {
  const pid_t group = ::tcgetpgrp(terminal);
  return group < 0 || group == ::getpgrp();
}

}  // namespace

ConsoleInput::ConsoleInput(int fd, int output, EscapeKey escape, Sink sink)
    : fd_(fd), escape_(escape), sink_(std::move(sink)) {
  struct stat info {};
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) {
    fd_ = -1;
    return;
  }
  terminal_ = ::isatty(fd_) != 0;
  socket_ = S_ISSOCK(info.st_mode);
  if (terminal_ && ::isatty(output) == 0) {
    fd_ = -1;
    return;
  }
  dialogue_ = terminal_ || socket_ || S_ISFIFO(info.st_mode);
  if (terminal_ || S_ISFIFO(info.st_mode)) {
    own_ = open_again(fd_, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (own_) fd_ = own_.get();
  }
  if (!terminal_) return;
  // Between a look at who is in the foreground and the read that may change: the read fails then.
  ::signal(SIGTTIN, SIG_IGN);
  look_who_has_the_terminal();
}

void ConsoleInput::look_who_has_the_terminal() {
  if (in_foreground(fd_)) {
    if (!raw_) raw_.emplace(fd_);
  } else if (raw_) {
    raw_->let_go();
    raw_.reset();
  }
}

void ConsoleInput::add_waits(std::vector<pollfd>& waits) const {
  // The key that leads out of a terminal is looked for whatever the guest does.
  const bool reads = terminal_ ? raw_.has_value() : untaken_.empty();
  waits.push_back({reads ? fd_ : -1, POLLIN, 0});
}

int ConsoleInput::longest_wait() const {
  return fd_ >= 0 && terminal_ && !raw_ ? foreground_check_ms : -1;
}

ConsoleInput::Wish ConsoleInput::serve(short happened) {
  offer();
  if (fd_ < 0) return Wish::none;
  if (terminal_) look_who_has_the_terminal();
  if (happened == 0 || (terminal_ && !raw_)) return Wish::none;
  return read_some();
}

void ConsoleInput::offer() {
  if (untaken_.empty()) return;
  untaken_.erase(0, sink_(std::as_bytes(std::span(untaken_))));
}

// At most one read a turn.
ConsoleInput::Wish ConsoleInput::read_some() {
  std::array<char, piece_bytes> bytes{};
  const ssize_t got = socket_ ? ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT)
                              : ::read(fd_, bytes.data(), bytes.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Wish::none;
  if (got < 0 && errno == EIO && terminal_ && !in_foreground(fd_)) return Wish::none;
  if (got <= 0) {  // its end, or it can't be read: the guest runs on
    fd_ = -1;
    return Wish::none;
  }
  const std::string_view typed(bytes.data(), static_cast<std::size_t>(got));
  if (!terminal_) {
    untaken_ = typed;
    offer();
    return Wish::none;
  }
  const EscapeKey::Input input = escape_.split(typed);
  if (untaken_.size() < piece_bytes)
    untaken_ += input.for_guest;  // who types more than that types into the void
  offer();
  if (input.escaped) return Wish::end_guest;
  if (interrupted_ || input.for_guest.find(control_c) == std::string_view::npos) return Wish::none;
  interrupted_ = true;
  return Wish::interrupt;
}

}  // namespace samepage::vmm
