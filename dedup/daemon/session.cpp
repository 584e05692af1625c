// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/session.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "base/check.hpp"
#include "base/log.hpp"
#include "dedup/daemon/admission.hpp"
#include "dedup/daemon/handshake.hpp"
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

Progress Session::handle_first() {
  const auto type = static_cast<wire::Type>(header_.type);
  if (type == wire::Type::hello) return handle_hello();
  if (type != wire::Type::query) {
    refuse("the first message is neither HELLO nor a query");
    return Progress::done;
  }
  try {
    // SAFETY: char may alias any bytes.
    send_reply(host_.answer(*this, {reinterpret_cast<const char*>(payload_.data()), payload_.size()}));
  } catch (const UserError& error) {
    refuse(error.what());
  }
  return Progress::done;
}

Progress Session::handle_hello() {
  const auto read = read_hello(payload_);
  if (std::holds_alternative<NoHello>(read)) return Progress::violation;
  if (const auto* unknown = std::get_if<UnknownVersion>(&read)) {
    refuse(unknown->reason);
    return Progress::done;
  }
  if (!why_no_guest_.empty()) {
    refuse(why_no_guest_);
    return Progress::done;
  }
  const auto& hello = std::get<wire::Hello>(read);
  if (hello.zero_only == wire::promise_only) {
    promise(hello);
    return Progress::done;
  }
  try {
    join(hello);
  } catch (const KeptOut& error) {
    member_.reset();
    share_.release(Member::bytes);
    keep_out(hello, error.what());
  } catch (const std::exception& error) {
    if (joined()) host_.leave(*this);
    member_.reset();
    host_.could_not_let_in(error);
    refuse(why_not_joined(error));
  }
  return Progress::done;
}

// What can fail comes first: a guest is a member when everything is there, or nothing of it is.
void Session::join(const wire::Hello& hello) {
  if (!share_.charge(Member::bytes)) throw UserError(account_is_full(peer_.uid, share_.account()));
  member_.emplace(
      hello.pages, hello.version > wire::version_without_paging,
      [this](wire::Type type, std::span<const std::byte> payload) { send(type, payload); },
      [this](const wire::Report& report) { host_.reported(*this, report); },
      [this](const wire::CpuTime& time) { host_.tells_cpu_time(*this, time); },
      [this](const wire::Room& room) { host_.tells_room(*this, room); }, [this] { tell_later(); });
  const SessionHost::Membership membership = host_.join(*this, *member_, hello);
  membership_ = membership.number;
  knows_guard_ = hello.version > wire::version_without_guard;
  member_->joined(*membership.domain, membership.guest);
  welcome(membership, hello.version);
}

// Where that fails, the agent would wait for ever for what is not told: it joins again, and says what it has.
void Session::tell_later() {
  host_.after_turns([self = shared_from_this()] {
    if (self->closed_ || !self->joined()) return;
    try {
      self->member_->tell();
    } catch (const std::exception& error) {
      log_error("orders are not told", error);
      self->cut_off("it can't be told what to merge");
    }
  });
}

void Session::promise(const wire::Hello& hello) {
  const std::string reason = host_.refuse_promise(*this, hello.pages).value_or("");
  if (reason.empty()) {
    promised_pages_ = hello.pages;
  } else {
    closing_ = true;
  }
  send(wire::Type::promised, std::as_bytes(std::span(reason)));
}

// The guest is there whether it joins or not: its RAM is promised.
void Session::keep_out(const wire::Hello& hello, const std::string& reason) {
  if (hello.version <= wire::version_without_shortages) return refuse(reason);
  if (const auto not_promised = host_.refuse_promise(*this, hello.pages)) return refuse(*not_promised);
  log(LogLevel::info, "guest {} (process {}) of user {} is kept out: {}", hello.guest, peer_.pid, peer_.uid,
      reason);
  promised_pages_ = hello.pages;
  kept_out_ = hello;
  send(wire::Type::kept_out, std::as_bytes(std::span(reason)));
}

void Session::welcome(const SessionHost::Membership& membership, std::uint32_t version) {
  const auto bytes = make_welcome(membership, membership.domain->secret(), version);
  const std::array<int, 2> fds{membership.store.get(), member_->staging().fd()};
  fault_point(FaultIn::daemon, FaultMoment::sends, wire::Type::welcome);
  // Nothing else is under way on this connection yet, so the message fits the socket's buffer.
  if (!send_message(socket_.native_handle(), static_cast<std::uint32_t>(wire::Type::welcome), bytes, fds)) {
    return close();
  }
  fault_point(FaultIn::daemon, FaultMoment::sent, wire::Type::welcome);
  send_guard({.guarded = membership.guarded ? 1U : 0U});
  tell_of_paging_files();
}

// Between two messages, when all that was said before has been sent: a descriptor goes with the first byte.
void Session::tell_of_paging_files() {
  if (!joined() || closed_ || !member_->takes_slots()) return;
  for (OpenSlots& file : member_->domain()->open_slots(*member_)) {
    member_->told_of(file.message.file);
    paging_files_.push_back(std::move(file));
  }
  if (outbox_.idle()) send_paging_files();
}

void Session::leave_paging_file(unsigned file) {
  if (!joined() || !member_->has_file(file)) return;
  // What it has not been sent yet tells it at once.
  const auto waits = std::find_if(paging_files_.begin(), paging_files_.end(),
                                  [&](const OpenSlots& waiting) { return waiting.message.file == file; });
  if (waits != paging_files_.end()) {
    waits->message.leaving = 1;
  } else {
    send(wire::Type::paging_file, wire::bytes_of(wire::PagingFile{.file = file, .leaving = 1}));
  }
}

void Session::forget_paging_file(unsigned file) {
  if (member_) member_->forget_file(file);
  std::erase_if(paging_files_, [&](const OpenSlots& waiting) { return waiting.message.file == file; });
}

void Session::send_paging_files() {
  while (!closed_ && !paging_files_.empty()) {
    const auto& [message, slots] = paging_files_.front();
    const std::array<int, 1> descriptor{slots.get()};
    fault_point(FaultIn::daemon, FaultMoment::sends, wire::Type::paging_file);
    switch (try_send_message(socket_.native_handle(), static_cast<std::uint32_t>(wire::Type::paging_file),
                             wire::bytes_of(message), descriptor)) {
      case Sent::gone:
        return close();
      case Sent::later:
        if (waits_for_room_) return;
        waits_for_room_ = true;
        return socket_.async_wait(Socket::wait_write,
                                  [self = shared_from_this()](boost::system::error_code error) {
                                    self->waits_for_room_ = false;
                                    if (error || self->closed_) return;
                                    if (self->outbox_.idle()) self->send_paging_files();
                                  });
      case Sent::whole:
        fault_point(FaultIn::daemon, FaultMoment::sent, wire::Type::paging_file);
        paging_files_.pop_front();
    }
  }
  if (outbox_.ready()) write_queued();
}

void Session::send_knobs(const wire::Knobs& knobs) {
  if (joined()) send(wire::Type::knobs, wire::bytes_of(knobs));
}

void Session::send_guard(const wire::Guard& guard) {
  if (joined() && knows_guard_) send(wire::Type::guard, wire::bytes_of(guard));
}

void Session::send_cpu_turn(std::chrono::microseconds time) {
  const wire::CpuTurn turn{static_cast<std::uint64_t>(time.count())};
  if (joined()) send(wire::Type::cpu_turn, wire::bytes_of(turn));
}

// As many messages as it takes: the answer is as long as there are guests.
void Session::send_reply(std::string_view text) {
  for (; text.size() > wire::max_reply_part; text.remove_prefix(wire::max_reply_part)) {
    send(wire::Type::reply_part, std::as_bytes(std::span(text.substr(0, wire::max_reply_part))));
  }
  send(wire::Type::reply, std::as_bytes(std::span(text)));
}

void Session::refuse(std::string_view reason) {
  log(LogLevel::info, "process {} of user {} is refused: {}", peer_.pid, peer_.uid, reason);
  closing_ = true;
  send(wire::Type::refused, std::as_bytes(std::span(reason)));
}

void Session::send(wire::Type type, std::span<const std::byte> payload) {
  if (closed_) return;
  fault_point(FaultIn::daemon, FaultMoment::sends, type);
  if (closing_) {
    outbox_.add_anyway(type, payload);
  } else if (!outbox_.add(type, payload)) {
    // Not here and now: the caller is in the middle of the domain's orders.
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->cut_off("it does not read what it is sent"); });
    return;
  }
  if (outbox_.ready()) write_queued();
  fault_point(FaultIn::daemon, FaultMoment::sent, type);
}

void Session::write_queued() {
  write(outbox_.begin_sending());
}

// `rest` stays where it is until the outbox hears that it was sent.
void Session::write(std::span<const std::byte> rest) {
  if (fault_fails("daemon-sending")) return write_later(rest, errno);
  asio::async_write(socket_, asio::buffer(rest.data(), rest.size()),
                    [self = shared_from_this(), rest](boost::system::error_code error, std::size_t sent) {
                      if (self->closed_) return;
                      if (error == asio::error::no_buffer_space || error == asio::error::no_memory)
                        return self->write_later(rest.subspan(sent), error.value());
                      if (error) return self->close();
                      self->host_.has_sent();
                      self->write_pause_ = shortest_write_pause;
                      self->outbox_.sent();
                      self->end_of_write();
                    });
}

void Session::end_of_write() {
  if (!paging_files_.empty()) send_paging_files();
  if (closed_) return;
  if (outbox_.ready()) {
    write_queued();
  } else if (closing_) {
    return close();
  }
  if (!reads_) read_next();
}

// The kernel has no memory for it now. The guest is as well off without an answer, for a while.
void Session::write_later(std::span<const std::byte> rest, int error) {
  host_.could_not_send(error);
  write_pause_ = std::min(2 * write_pause_, longest_write_pause);
  write_timer_.expires_after(write_pause_);
  write_timer_.async_wait([self = shared_from_this(), rest](boost::system::error_code cancelled) {
    if (!cancelled && !self->closed_) self->write(rest);
  });
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
