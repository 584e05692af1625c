// SPDX-License-Identifier: Apache-2.0
#include "base/acceptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

namespace samepage {
namespace {

namespace asio = boost::asio;

UniqueFd spare_descriptor() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Acceptor::Acceptor(asio::io_context& io, Door door)
    : io_(io), door_(std::move(door)), timer_(io), spare_(spare_descriptor()) {}

void Acceptor::listen(UniqueFd listening) {
  acceptor_.emplace(io_, asio::local::stream_protocol(), listening.release());
  accept();
}

void Acceptor::accept() {
  acceptor_->async_accept(
      [this](boost::system::error_code error, asio::local::stream_protocol::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (error) {
          // No descriptor or memory: trying at once would only keep the processor busy.
          if (error == asio::error::no_descriptors) turn_away_without_descriptors();
          return accept_later();
        }
        try {
          door_.adopt(UniqueFd(socket.release()));
        } catch (const std::exception& problem) {
          door_.failed(problem);
        }
        accept();
      });
}

void Acceptor::accept_later() {
  timer_.expires_after(std::chrono::milliseconds(100));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) accept();
  });
}

// A peer that connects while there are no descriptors left is told so, instead of hearing nothing until it
// gives up.
void Acceptor::turn_away_without_descriptors() {
  spare_.reset();
  const UniqueFd socket(::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket && door_.full) door_.full(socket);
  spare_ = spare_descriptor();
}

}  // namespace samepage
