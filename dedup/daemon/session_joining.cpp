// SPDX-License-Identifier: Apache-2.0
// The first message of a connection: a question, a guest that joins, or one whose memory is only promised.
#include <array>
#include <exception>
#include <span>
#include <string>
#include <variant>

#include "base/check.hpp"
#include "base/log.hpp"
#include "dedup/daemon/admission.hpp"
#include "dedup/daemon/handshake.hpp"
#include "dedup/daemon/session.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {

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

}  // namespace samepage::dedup
