// SPDX-License-Identifier: Apache-2.0
// What is read. The first message is answered in session_joining.cpp; what is sent is in session_sending.cpp.
#include "dedup/daemon/session.hpp"

#include <boost/asio/read.hpp>
#include <new>

#include "base/log.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

namespace asio = boost::asio;

// A peer that does not read what we say is not listened to either.
constexpr std::size_t unread_of_a_guest = std::size_t{4} << 20U;
constexpr std::size_t unread_while_pending = std::size_t{16} << 10U;
constexpr std::size_t kept_payload = std::size_t{64} << 10U;

}  // namespace

Session::Session(Socket socket, PeerCredentials peer, std::shared_ptr<Account> account, SessionHost& host,
                 std::chrono::milliseconds pending_timeout)
    : socket_(std::move(socket)),
      peer_(peer),
      share_(std::move(account)),
      host_(host),
      pending_timeout_(pending_timeout),
      pending_timer_(socket_.get_executor()),
      write_timer_(socket_.get_executor()) {}

void Session::start() {
  await_message();
  read_next();
}

// A peer that connects and says nothing, or not all of it, would keep a descriptor of ours for ever. A
// command holds a silent connection while its guest starts; that takes less than a minute.
void Session::await_message() {
  pending_timer_.expires_after(pending_timeout_);
  pending_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->closed_ && self->is_pending()) self->cut_off("it says nothing");
  });
}

void Session::read_next() {
  reads_ = outbox_.unread() <= (joined() ? unread_of_a_guest : unread_while_pending);
  if (!reads_) return;
  // SAFETY: MessageHeader is eight plain bytes.
  asio::async_read(socket_, asio::buffer(&header_, sizeof(header_)),
                   [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                     if (self->closed_) return;
                     // A first message is short: a long one is not a way to room of ours.
                     const std::uint32_t longest =
                         self->joined() ? max_payload : static_cast<std::uint32_t>(wire::max_query);
                     if (error || self->header_.length > longest) return self->close();
                     self->read_payload();
                   });
}

void Session::read_payload() {
  if (!share_.charge(header_.length)) {
    return cut_off("its user has all the memory that a user may have", LogLevel::warning);
  }
  try {
    payload_.resize(header_.length);
  } catch (const std::bad_alloc& error) {
    log_error("a message is not read", error);
    return close();
  }
  asio::async_read(
      socket_, asio::buffer(payload_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
        if (self->closed_) return;
        if (error) return self->close();
        self->pending_timer_.cancel();  // it has spoken: that its turn comes late is not its fault
        self->host_.wants_turns(*self);
      });
}

bool Session::work(Turn& turn) {
  if (closed_) return false;
  const Progress progress = handle_safely(turn);
  if (closed_) return false;
  if (progress == Progress::more) return true;
  if (progress == Progress::violation) {
    cut_off("it broke the protocol, or what it asked for failed");
  } else {
    end_of_message();
  }
  return false;
}

void Session::end_of_message() {
  share_.release(header_.length);
  if (payload_.capacity() > kept_payload) payload_ = std::vector<std::byte>();
  if (joined()) member_->end_of_message();
  is_pending() ? await_message() : static_cast<void>(pending_timer_.cancel());
  read_next();
}

// Whatever a message makes fail (memory, the store's file) fails for its sender, not for everybody.
Progress Session::handle_safely(Turn& turn) {
  try {
    if (closing_) return Progress::done;                   // it was refused; nothing more is listened to
    if (promised_pages_ != 0) return Progress::violation;  // it has no more to say
    const auto type = static_cast<wire::Type>(header_.type);
    fault_point(FaultIn::daemon, FaultMoment::takes, type);
    const Progress progress = joined() ? member_->handle(type, payload_, turn) : handle_first();
    fault_point(FaultIn::daemon, FaultMoment::took, type);
    return progress;
  } catch (const std::exception& error) {
    log_error("a message is not carried out", error);
    return Progress::violation;
  }
}

void Session::cut_off(std::string_view why, LogLevel level) {
  if (!closed_) log(level, "process {} of user {} is cut off: {}", peer_.pid, peer_.uid, why);
  close();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  pending_timer_.cancel();
  write_timer_.cancel();
  host_.closed(*this);
}

}  // namespace samepage::dedup
