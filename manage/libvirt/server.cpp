// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/hand_over.hpp"
#include "base/log.hpp"

namespace samepage::libvirt {

namespace asio = boost::asio;

Server::Server(asio::io_context& io, Host& host, const ServerConfig& config)
    : io_(io), host_(host), config_(config), events_(io) {
  if (host_.events_fd() < 0) return;
  events_.assign(host_.events_fd());
  await_events();
}

Server::~Server() {
  if (events_.is_open()) static_cast<void>(events_.release());  // it is the host's
  for (const auto& [key, session] : std::exchange(sessions_, {})) session->close();
  workers_.finish();
}

void Server::adopt(UniqueFd socket, Access most) {
  const PeerCredentials peer = peer_of(socket.get());
  if (peer.uid != 0 && peer.uid != ::geteuid()) {
    throw UserError(fmt::format("user {} is neither this server's user nor root", peer.uid));
  }
  if (sessions_.size() >= config_.clients) {
    throw UserError(fmt::format("there are {} clients already", sessions_.size()));
  }
  Session::Socket connection(io_);
  hand_over(std::move(socket), connection, asio::local::stream_protocol());
  auto session =
      std::make_shared<Session>(std::move(connection), most, config_.session, host_, workers_, *this);
  sessions_.emplace(session.get(), session);
  session->start();
}

void Server::await_events() {
  events_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    tell_events();
    await_events();
  });
}

void Server::tell_events() {
  std::vector<LifecycleEvent> events;
  try {
    events = host_.take_events();
  } catch (const std::exception& error) {
    log_error("what happens to guests is not known", error);
  }
  if (events.empty()) return;
  std::vector<std::shared_ptr<Session>> told;  // some may go meanwhile
  for (const auto& [key, session] : sessions_) told.push_back(session);
  for (const LifecycleEvent& event : events) {
    for (const auto& session : told) session->tell(event);
  }
}

void Server::closed(Session& session) {
  // It may be in one of its own functions: let that come to an end first.
  asio::post(io_, [this, key = &session] { sessions_.erase(key); });
}

}  // namespace samepage::libvirt
