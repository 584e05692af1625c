// SPDX-License-Identifier: Apache-2.0
// Looks once a second whether the daemon can still be found on its path. The daemon's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <string>

#include "base/log.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/listening_socket.hpp"

namespace samepage::dedup {

class Lookout {
 public:
  Lookout(boost::asio::io_context& io, ListeningSocket& socket, Server& server)
      : io_(io), timer_(io), socket_(socket), server_(server) {
    wait();
  }

 private:
  void wait() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) look();
    });
  }

  void look() {
    try {
      if (socket_.renew()) server_.listen(socket_.take());
      problem_.clear();
    } catch (const PlaceTaken& taken) {
      log(LogLevel::warning, "{}, so this one ends; guests join that one", taken.what());
      return io_.stop();
    } catch (const std::exception& error) {
      // Said once: it may go on for long.
      if (problem_ != error.what()) log_error("nobody new finds us", error);
      problem_ = error.what();
    }
    wait();
  }

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  ListeningSocket& socket_;
  Server& server_;
  std::string problem_;
};

}  // namespace samepage::dedup
