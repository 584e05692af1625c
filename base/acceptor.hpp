// SPDX-License-Identifier: Apache-2.0
// Takes connections from a listening socket. Lack of descriptors or memory is waited out. One descriptor is
// kept for that time, so that a peer that connects meanwhile hears of it. The thread of its io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <functional>
#include <optional>

#include "base/unique_fd.hpp"

namespace samepage {

class Acceptor {
 public:
  /// What is done with connections.
  struct Door {
    /// May throw: then the connection is turned away, and `failed` hears why.
    std::function<void(UniqueFd)> adopt;
    std::function<void(const std::exception&)> failed;
    /// There are no descriptors left but this one. The peer may be told so, or answered and soon be let go;
    /// must not wait. May be empty.
    std::function<void(UniqueFd)> full = {};
    /// There were none for a peer that wants to connect. May be empty.
    std::function<void()> no_descriptors = {};
  };

  Acceptor(boost::asio::io_context& io, Door door);

  /// Accepts connections on `listening` from now on, and on no other one.
  void listen(UniqueFd listening);

 private:
  void accept();
  void accept_later();
  void take(UniqueFd socket);
  void accept_without_descriptors();

  boost::asio::io_context& io_;
  Door door_;
  std::optional<boost::asio::local::stream_protocol::acceptor> acceptor_;
  boost::asio::steady_timer timer_;
  UniqueFd spare_;  // is given up for a peer when there are no descriptors left
};

}  // namespace samepage
