// SPDX-License-Identifier: Apache-2.0
// Takes connections from a listening socket. Lack of descriptors or memory is waited out; a peer that
// connects meanwhile is told so. The daemon's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string_view>

#include "base/unique_fd.hpp"

namespace samepage::dedup {

/// For the peer of a connection that is not kept. It may hear it or not: nobody waits for it.
void tell_refusal(const UniqueFd& socket, std::string_view reason);

class Acceptor {
 public:
  /// What is done with a connection. May throw: then it is turned away.
  using Adopt = std::function<void(UniqueFd)>;

  Acceptor(boost::asio::io_context& io, Adopt adopt);

  /// Accepts connections on `listening` from now on, and on no other one.
  void listen(UniqueFd listening);

 private:
  void accept();
  void accept_later();
  void turn_away_without_descriptors();

  boost::asio::io_context& io_;
  Adopt adopt_;
  std::optional<boost::asio::local::stream_protocol::acceptor> acceptor_;
  boost::asio::steady_timer timer_;
  UniqueFd spare_;  // is closed to tell a peer that there are no descriptors left
};

}  // namespace samepage::dedup
