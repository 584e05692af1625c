// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/acceptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "base/framing.hpp"
#include "dedup/daemon/say.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

namespace asio = boost::asio;

UniqueFd spare_descriptor() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

void tell_refusal(const UniqueFd& socket, std::string_view reason) {
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  try {
    static_cast<void>(send_frame(socket.get(), static_cast<std::uint32_t>(wire::Type::refused), reason));
  } catch (const std::system_error&) {
  }
}

Acceptor::Acceptor(asio::io_context& io, Adopt adopt)
    : io_(io), adopt_(std::move(adopt)), timer_(io), spare_(spare_descriptor()) {}

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
          adopt_(UniqueFd(socket.release()));
        } catch (const std::exception& problem) {
          say(LogLevel::warning, "a connection is turned away: {}", problem.what());
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
  if (socket) {
    tell_refusal(socket,
                 "samepaged has no file descriptors left; end some guests, or start it with a higher "
                 "'ulimit -n'");
  }
  spare_ = spare_descriptor();
}

}  // namespace samepage::dedup
