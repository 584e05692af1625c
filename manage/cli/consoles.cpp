// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/consoles.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "base/poll_timeout.hpp"
#include "base/process_setup.hpp"
#include "base/standard_output.hpp"

namespace samepage::cli {
namespace {

// How long a reader may take for what is left when the guests were stopped.
constexpr std::chrono::milliseconds closing_patience{500};

}  // namespace

Consoles::Consoles(GuestChildren& children, const vmm::StopSignals& signals)
    : children_(children), signals_(signals), output_(STDOUT_FILENO) {}

void Consoles::add(const GuestChild& child, UniqueFd console) {
  guests_.push_back({child.pid, child.process->fd(), std::move(console), LinePrefix(child.name + ": ")});
}

bool Consoles::any_is_left() const {
  return std::any_of(guests_.begin(), guests_.end(),
                     [](const Guest& guest) { return guest.process >= 0 || guest.console; });
}

int Consoles::show_all() {
  while (any_is_left()) turn();
  while (!output_.empty() && stopped_by_ == 0) turn();
  give_last_chance();
  return final_status();
}

// Polls signals, standard output, consoles and processes once.
void Consoles::turn() {
  std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}, output_.wait()};
  const std::size_t own = waits.size();
  // A stopped guest's console is read to its end, so that the guest is not held up by who does not read.
  const bool reads = output_.has_room() || stopped_by_ != 0;
  for (const Guest& guest : guests_) {
    waits.push_back({reads ? guest.console.get() : -1, POLLIN, 0});  // poll passes over negative ones
    waits.push_back({guest.process, POLLIN, 0});
  }
  if (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno == EINTR) return;
    throw_errno("poll");
  }
  if (waits[0].revents != 0) {
    if (const int signal = signals_.take(); signal != 0) stop(signal);
  }
  if (waits[1].revents != 0) output_.flush();
  for (std::size_t i = 0; i < guests_.size(); ++i) {
    if (waits[own + 2 * i].revents != 0) show(guests_[i]);
    if (waits[own + 2 * i + 1].revents != 0) reap(guests_[i]);
  }
  check_output();
}

// Shows what is in a console's pipe now; closes it at its end.
void Consoles::show(Guest& guest) {
  std::array<char, 16384> bytes{};
  const ssize_t got = ::read(guest.console.get(), bytes.data(), bytes.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) return output_.put(guest.lines.feed({bytes.data(), static_cast<std::size_t>(got)}));
  output_.put(guest.lines.finish());
  guest.console.reset();
}

void Consoles::reap(Guest& guest) {
  const std::optional<int> ended = children_.reap(guest.pid);
  if (!ended) return;
  guest.process = -1;
  note(*ended);
}

void Consoles::stop(int signal) {
  stopped_by_ = signal;
  children_.signal(signal);
}

void Consoles::check_output() {
  if (output_.error() == 0 || std::exchange(failure_told_, true)) return;
  if (output_.error() == EPIPE) {
    complain("samepage: nobody reads what the guests print: they are stopped");
    note(exit_by_signal(SIGPIPE));
    stop(is_ignored(SIGTERM) ? SIGKILL : SIGTERM);
    return;
  }
  complain(
      fmt::format("samepage: what the guests print can't be written: {}; they run on, and 'samepage logs' "
                  "has the end of it",
                  std::strerror(output_.error())));
}

void Consoles::give_last_chance() {
  const auto end = std::chrono::steady_clock::now() + closing_patience;
  while (!output_.empty()) {
    const int left = poll_timeout(end);
    if (left == 0) break;
    pollfd room = output_.wait();
    ::poll(&room, 1, left);
    output_.flush();
  }
  check_output();
}

void Consoles::note(int status) {
  if (status_ == exit_ok) status_ = status;
}

// The guests' own codes count, but success without what they printed is none.
int Consoles::final_status() {
  if (!output_.empty()) {
    complain(
        fmt::format("samepage: {} bytes that the guests printed are lost: nobody read them", output_.size()));
    note(exit_by_signal(stopped_by_));
  } else if (output_.lost() > 0 && output_.error() != EPIPE) {
    complain(fmt::format("samepage: {} bytes that the guests printed are lost: {}", output_.lost(),
                         std::strerror(output_.error())));
    note(exit_failure);
  }
  return status_;
}

}  // namespace samepage::cli
