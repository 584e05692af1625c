// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/listener.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "base/log.hpp"

namespace samepage::libvirt {
namespace {

void warn(const char* what, const std::exception& why) {
  log(LogLevel::warning, "{}: {}", what, why.what());
}

}  // namespace

Listener::Listener(boost::asio::io_context& io, Server& server, const Place& place)
    : io_(io),
      socket_(place.path, dedup::Admission::owner_only),
      acceptor_(io, {[&server, most = place.most](UniqueFd client) { server.adopt(std::move(client), most); },
                     [](const std::exception& why) { warn("a client is turned away", why); },
                     {}}),
      timer_(io) {
  acceptor_.listen(socket_.take());
  look_later();
}

void Listener::look_later() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) look();
  });
}

void Listener::look() {
  try {
    if (socket_.renew()) acceptor_.listen(socket_.take());
    problem_.clear();
  } catch (const dedup::PlaceTaken& taken) {
    warn("this server ends", taken);
    return io_.stop();
  } catch (const std::exception& error) {
    if (problem_ != error.what()) warn("new clients don't find this server", error);
    problem_ = error.what();
  }
  look_later();
}

}  // namespace samepage::libvirt
