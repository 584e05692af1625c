// SPDX-License-Identifier: Apache-2.0
// One socket that the server listens on. Looks once a second whether it can still be found. The server's
// thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "base/acceptor.hpp"
#include "dedup/listening_socket.hpp"
#include "manage/libvirt/places.hpp"
#include "manage/libvirt/server.hpp"

namespace samepage::libvirt {

class Listener {
 public:
  /// Throws UserError where somebody listens there already, or can't.
  Listener(boost::asio::io_context& io, Server& server, const Place& place);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  void look_later();
  void look();

  boost::asio::io_context& io_;
  dedup::ListeningSocket socket_;
  Acceptor acceptor_;
  boost::asio::steady_timer timer_;
  std::string problem_;
};

}  // namespace samepage::libvirt
