// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/console_link.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/open_again.hpp"

namespace samepage::cli {
namespace {

constexpr std::size_t input_limit = 4096;

// A terminal that polls as writable may still block on a long write; an open of our own need not, and changes
// nothing for others who have it open.
UniqueFd nonblocking_terminal(int fd) {
  if (::isatty(fd) == 0) return {};
  return open_again(fd, O_WRONLY | O_NONBLOCK | O_NOCTTY);
}

bool try_again(int error) {
  return error == EINTR || error == EAGAIN;
}

short when(bool wanted, int events) {
  return static_cast<short>(wanted ? events : 0);
}

}  // namespace

ConsoleLink::ConsoleLink(int guest, int input, int output, const vmm::StopSignals& signals,
                         vmm::EscapeKey escape)
    : guest_(guest),
      input_(input),
      output_(output),
      own_output_(nonblocking_terminal(output)),
      signals_(signals),
      escape_(escape),
      input_is_terminal_(::isatty(input) != 0),
      output_is_terminal_(::isatty(output) != 0) {
  if (own_output_) output_ = own_output_.get();
}

LinkEnd ConsoleLink::run() {
  for (;;) {
    if (const Step end = step()) return *end;
  }
}

ConsoleLink::Step ConsoleLink::step() {
  if (guest_ < 0 && to_output_.empty()) return end_;
  const bool listens = to_guest_.size() < input_limit;
  std::array<pollfd, 4> waits{
      pollfd{signals_.fd(), POLLIN, 0}, pollfd{listens ? input_ : -1, POLLIN, 0},
      pollfd{guest_, static_cast<short>(when(to_output_.empty(), POLLIN) | when(!to_guest_.empty(), POLLOUT)),
             0},
      pollfd{output_, when(!to_output_.empty(), POLLOUT), 0}};
  if (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno == EINTR) return std::nullopt;
    throw_errno("poll");
  }
  if (waits[0].revents != 0) {
    if (const int signal = signals_.take(); signal != 0) return LinkEnd{LinkEnd::Kind::signal, signal};
  }
  if ((waits[3].revents & POLLERR) != 0) return output_gone();
  if (waits[3].revents != 0 && !write_output()) return output_gone();
  if ((waits[2].revents & POLLOUT) != 0) write_guest();
  // A hang-up shows whatever was asked for, but there may be output left to read.
  if (to_output_.empty() && (waits[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_guest();
  return waits[1].revents != 0 ? read_input() : std::nullopt;
}

ConsoleLink::Step ConsoleLink::read_input() {
  std::array<char, input_limit> bytes{};
  const ssize_t got = ::read(input_, bytes.data(), bytes.size());
  if (got < 0 && try_again(errno)) return std::nullopt;
  if (got <= 0 && input_is_terminal_) return LinkEnd{LinkEnd::Kind::detached, 0};
  const bool none = got < 0 && errno == EBADF;  // whoever started us has closed it
  if (none || check(got, "read of the input") == 0) {
    input_ = -1;
    return std::nullopt;
  }
  const vmm::EscapeKey::Input typed = escape_.split({bytes.data(), static_cast<std::size_t>(got)});
  to_guest_ += typed.for_guest;
  write_guest();
  return typed.escaped ? Step(LinkEnd{LinkEnd::Kind::detached, 0}) : std::nullopt;
}

void ConsoleLink::write_guest() {
  if (guest_ < 0 || to_guest_.empty()) return to_guest_.clear();
  const ssize_t sent = ::send(guest_, to_guest_.data(), to_guest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return;  // if it is gone, read_guest() sees that
  to_guest_.erase(0, static_cast<std::size_t>(sent));
}

void ConsoleLink::read_guest() {
  std::array<char, 16384> bytes{};
  const ssize_t got = ::recv(guest_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && try_again(errno)) return;
  if (got <= 0) {
    guest_ = -1;
    return;
  }
  messages_.add({bytes.data(), static_cast<std::size_t>(got)});
  take_messages();
}

void ConsoleLink::take_messages() {
  while (const auto message = messages_.next()) {
    if (message->type == vmm::ControlMessage::data) {
      to_output_ += message->payload;
      continue;
    }
    const auto news = nlohmann::json::parse(message->payload, nullptr, false);
    if (news.is_object() && news.value("ended", false)) {
      end_ = {LinkEnd::Kind::guest_ended, news.value("status", 0)};
    }
    guest_ = -1;
  }
  if (messages_.is_nonsense()) guest_ = -1;
}

// A window that was closed: its signal, the end of the input and this come in any order.
ConsoleLink::Step ConsoleLink::output_gone() const {
  if (output_is_terminal_) return LinkEnd{LinkEnd::Kind::detached, 0};
  throw UserError("nobody reads the console's output any more");
}

// A pipe that polls as writable takes PIPE_BUF bytes without blocking. False when a terminal is gone.
bool ConsoleLink::write_output() {
  const ssize_t written =
      ::write(output_, to_output_.data(), std::min<std::size_t>(to_output_.size(), PIPE_BUF));
  if (written < 0 && try_again(errno)) return true;
  if (written < 0 && errno == EIO && output_is_terminal_) return false;
  const auto taken = static_cast<std::size_t>(check(written, "write of the console's output"));
  lines_.saw(std::string_view(to_output_).substr(0, taken));
  to_output_.erase(0, taken);
  return true;
}

}  // namespace samepage::cli
