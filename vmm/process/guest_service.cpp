// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_service.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/confinement.hpp"
#include "base/lost_memory.hpp"
#include "base/standard_output.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::vmm {

void trim_heap() {
  ::malloc_trim(0);
}

void GuestService::stop(int signal) {
  stopped_by_ = signal;
  guest_.machine.request_stop();
  guest_.console.close_output();
}

// What stands between the guest's last words and ours.
std::string GuestService::gap() const {
  return std::string(guest_.lines.gap(streams_.console, STDERR_FILENO));
}

bool GuestService::reader_is_missed() const {
  return streams_.lost_reader == LostReader::ends_guest && guest_.console.loss().error == EPIPE;
}

void GuestService::output_failed() {
  failure_seen_ = true;
  if (reader_is_missed()) return stop(SIGPIPE);
  complain(fmt::format(
      "{}samepage: what guest {} prints can't be written: {}; it runs on, and 'samepage logs {}' has "
      "the end of it",
      gap(), guest_.claim.name(), std::strerror(guest_.console.loss().error), guest_.claim.name()));
}

void GuestService::serve_input(short happened) {
  switch (guest_.input.serve(happened)) {
    case ConsoleInput::Wish::none:
      return;
    case ConsoleInput::Wish::end_guest:
      return stop(SIGINT);
    case ConsoleInput::Wish::interrupt:
      break;
  }
  const std::string key = streams_.escape.name();
  complain(fmt::format("{}samepage: Ctrl-C went to the guest; {} ends it", gap(),
                       key.empty() ? fmt::format("'samepage stop {}'", guest_.claim.name()) : key));
}

int GuestService::longest_wait() const {
  const int input = guest_.input.longest_wait();
  const int clients = guest_.control.patience_ms();
  return input < 0 || clients < 0 ? std::max(input, clients) : std::min(input, clients);
}

void GuestService::until_end() {
  for (bool ended = false;;) {
    std::vector<pollfd> waits{
        {guest_.machine.ended_fd(), POLLIN, 0}, {guest_.signals.fd(), POLLIN, 0},
        {guest_.claim.listener(), POLLIN, 0},   {failure_seen_ ? -1 : guest_.console.failed_fd(), POLLIN, 0},
        {forbidden_call_fd(), POLLIN, 0},       {lost_memory_fd(), POLLIN, 0}};
    guest_.input.add_waits(waits);
    constexpr std::size_t own = 7;
    guest_.control.add_waits(waits);
    if (::poll(waits.data(), waits.size(), ended ? 0 : longest_wait()) < 0) {
      if (errno == EINTR) continue;
      throw_errno("poll");
    }
    if (waits[4].revents != 0) end_after_forbidden_call();
    if (waits[5].revents != 0) end_after_lost_memory();
    if (waits[1].revents != 0) {
      if (const int signal = guest_.signals.take(); signal != 0) stop(signal);
    }
    if (waits[3].revents != 0) output_failed();
    if (guest_.control.serve(std::span(waits).subspan(own))) trim_heap();
    // After that, which takes the news: room that the guest makes from here on is news again.
    serve_input(waits[own - 1].revents);
    if (waits[2].revents != 0) guest_.control.accept(guest_.claim.listener());
    // Once more, for whom the last turn has let in.
    if (ended) return;
    ended = waits[0].revents != 0;
  }
}

GuestRecord::End GuestService::end_of(const GuestExit& exit) const {
  GuestRecord::End end{now_in_seconds(), exit_guest_failed, "failed", exit.message};
  if (exit.kind == GuestExit::Kind::exited) end = {end.at, exit.code, "exited", ""};
  if (exit.kind == GuestExit::Kind::stopped) {
    end = {end.at, exit_by_signal(stopped_by_), "stopped",
           reader_is_missed() ? "nobody reads what it prints" : fmt::format("signal {}", stopped_by_)};
  }
  end.exit_code = status_after_loss(end.exit_code);
  return end;
}

// A guest's own code counts, but success without what the guest printed is none.
int GuestService::status_after_loss(int status) const {
  const ConsoleLog::Loss loss = guest_.console.loss();
  if (loss.bytes == 0 || status != exit_ok) return status;
  if (reader_is_missed()) return exit_by_signal(SIGPIPE);
  return loss.error == 0 ? exit_by_signal(stopped_by_) : exit_failure;
}

void GuestService::say(const GuestRecord::End& end) const {
  const std::string& name = guest_.claim.name();
  if (end.how == "failed") complain(fmt::format("{}samepage: guest {} failed: {}", gap(), name, end.reason));
  if (end.how == "stopped") {
    complain(fmt::format("{}samepage: guest {} was stopped{}", gap(), name,
                         reader_is_missed() ? ": " + end.reason : ""));
  }
  const ConsoleLog::Loss loss = guest_.console.loss();
  if (loss.bytes == 0 || (reader_is_missed() && end.how == "stopped")) return;
  complain(fmt::format("{}samepage: {} bytes that guest {} printed are lost: {}", gap(), loss.bytes, name,
                       loss.error == 0 ? "nobody read them" : std::strerror(loss.error)));
}

}  // namespace samepage::vmm
