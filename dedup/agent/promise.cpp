// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/promise.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "base/check.hpp"
#include "base/event_fd.hpp"
#include "base/log.hpp"
#include "base/thread_setup.hpp"
#include "dedup/daemon_connection.hpp"

namespace samepage::dedup {

// More pages than the protocol can number are too many for any bound.
Promise::Promise(AgentConfig config, std::uint64_t pages)
    : config_(std::move(config)),
      pages_(static_cast<std::uint32_t>(std::min<std::uint64_t>(pages, wire::max_pages))),
      stop_(make_event()) {
  try_once();
}

void Promise::start() {
  thread_ = std::thread([this] { run(); });
}

Promise::~Promise() {
  signal_event(stop_.get());
  hang_up_.hang_up();
  if (thread_.joinable()) thread_.join();
}

// Whatever is wrong with the daemon is nothing to a guest that does not share: it is not counted then.
std::optional<Connection> Promise::ask() {
  try {
    UniqueFd socket = connect_daemon(config_.socket_path, patience);
    if (!socket) return std::nullopt;
    Connection connection(config_, hang_up_, std::move(socket));
    connection.ask_to_join(config_, pages_, 0);
    return connection;
  } catch (const UserError&) {
    return std::nullopt;
  }
}

void Promise::try_once() {
  std::optional<Connection> connection = ask();
  if (!connection) return;
  try {
    connection->finish_promising();
  } catch (const NoDaemon&) {
    return;
  } catch (const DaemonHangs&) {
    return;
  }
  counted_ = std::move(connection);
  problem_.clear();
}

// The guest runs already: what a later daemon says does not end it.
void Promise::run() {
  prepare_thread("promise");
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{stop_.get(), POLLIN, 0},
                                  pollfd{counted_ ? counted_->fd() : -1, POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), counted_ ? -1 : static_cast<int>(between_tries.count()));
    if (waiting[0].revents != 0) return;
    if (waiting[1].revents != 0) {
      counted_.reset();  // it has no more to say: it is gone
      continue;
    }
    if (counted_) continue;
    try {
      try_once();
    } catch (const std::exception& problem) {
      if (problem_ != problem.what()) log(LogLevel::warning, "its memory is not counted: {}", problem.what());
      problem_ = problem.what();
    }
  }
}

}  // namespace samepage::dedup
