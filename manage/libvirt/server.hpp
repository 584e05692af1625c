// SPDX-License-Identifier: Apache-2.0
// Serves libvirt's protocol: lets clients of this user and of root in, tells them what happens to guests, and
// ends with them. One thread runs it; calls run on Workers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include "base/unique_fd.hpp"
#include "manage/libvirt/host.hpp"
#include "manage/libvirt/session.hpp"
#include "manage/libvirt/workers.hpp"

namespace samepage::libvirt {

struct ServerConfig {
  std::size_t clients = 256;
  SessionLimits session = {};
};

class Server final : public SessionOwner {
 public:
  /// `host` must outlive it.
  Server(boost::asio::io_context& io, Host& host, const ServerConfig& config = {});
  /// Ends all connections and waits for calls that are under way.
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves a connected socket. Throws UserError where the peer may not connect or there are too many.
  void adopt(UniqueFd socket, Access most);

  /// Carries out something slow that is no client's. It must not throw.
  template <typename Work>
  void run_aside(Work work) {
    workers_.run(Pace::slow, std::move(work));
  }

  [[nodiscard]] std::size_t clients() const { return sessions_.size(); }

  // SessionOwner
  void tell_events() override;
  void closed(Session& session) override;

 private:
  void await_events();

  boost::asio::io_context& io_;
  Host& host_;
  ServerConfig config_;
  boost::asio::posix::stream_descriptor events_;
  std::map<const Session*, std::shared_ptr<Session>> sessions_;
  Workers workers_;
};

}  // namespace samepage::libvirt
