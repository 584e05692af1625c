// SPDX-License-Identifier: Apache-2.0
// A daemon that serves in a thread of its own until it goes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <thread>
#include <utility>

#include "base/unique_fd.hpp"
#include "dedup/daemon/server.hpp"

namespace samepage::dedup {

class RunningDaemon {
 public:
  RunningDaemon(UniqueFd listening, ServerConfig config) : server_(io_, std::move(config)) {
    server_.listen(std::move(listening));
    thread_ = std::thread([this] { io_.run(); });
  }
  RunningDaemon(const RunningDaemon&) = delete;
  RunningDaemon& operator=(const RunningDaemon&) = delete;
  ~RunningDaemon() {
    io_.stop();
    thread_.join();
  }

  /// Calls act(server) in its thread, later.
  void post(std::function<void(Server&)> act) {
    boost::asio::post(io_, [this, act = std::move(act)] { act(server_); });
  }

 private:
  boost::asio::io_context io_{1};
  Server server_;
  std::thread thread_;
};

}  // namespace samepage::dedup
