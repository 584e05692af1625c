// SPDX-License-Identifier: Apache-2.0
#include "base/acceptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
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
          if (error == asio::error::no_descriptors || error.value() == ENFILE) accept_without_descriptors();
          return accept_later();
        }
        take(UniqueFd(socket.release()));
        accept();
      });
}

// Whoever gets the last descriptor gets it for a short time: the spare one comes first.
void Acceptor::take(UniqueFd socket) {
  if (!spare_) spare_ = spare_descriptor();
  try {
    if (spare_ || !door_.full) {
      door_.adopt(std::move(socket));
    } else {
      if (door_.no_descriptors) door_.no_descriptors();
      door_.full(std::move(socket));
    }
  } catch (const std::exception& problem) {
    door_.failed(problem);
  }
}

void Acceptor::accept_later() {
  timer_.expires_after(std::chrono::milliseconds(100));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) accept();
  });
}

// A peer that connects while there are no descriptors left hears of that, instead of nothing until it gives
// up.
void Acceptor::accept_without_descriptors() {
  if (door_.no_descriptors) door_.no_descriptors();
  if (!spare_) return;  // it waits until the peer goes that has it
  spare_.reset();
  UniqueFd socket(::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
  try {
    if (socket && door_.full) door_.full(std::move(socket));
  } catch (const std::exception& problem) {
    door_.failed(problem);
  }
  socket.reset();
  spare_ = spare_descriptor();
}

}  // namespace samepage
