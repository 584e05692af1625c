// SPDX-License-Identifier: Apache-2.0
// One connection to the daemon: an agent's for as long as its guest lives, or a command's for one question.
// Reads messages, lets them be carried out a turn's worth at a time (by Member, once the guest has joined),
// and sends what the Outbox holds. The next message is read when the one before is carried out and the peer
// has read what there is for it. A peer that breaks the protocol is cut off; what its process maps stays
// counted until the process is gone. One thread.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/framing.hpp"
#include "base/log.hpp"
#include "dedup/daemon/account_share.hpp"
#include "dedup/daemon/member.hpp"
#include "dedup/daemon/outbox.hpp"
#include "dedup/daemon/session_host.hpp"
#include "dedup/daemon/turn.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Session final : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  /// A connection that is not a guest's is closed when it has said nothing for `pending_timeout`. `account`
  /// is the peer's user's: it is charged for what is kept for this session.
  Session(Socket socket, PeerCredentials peer, std::shared_ptr<Account> account, SessionHost& host,
          std::chrono::milliseconds pending_timeout);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  /// Before start(): it is answered questions and nothing else, for `why`.
  void answer_only(std::string why) { why_no_guest_ = std::move(why); }
  /// Begins to read; once.
  void start();
  /// Ends the connection; the host hears of it once.
  void close();
  void send_knobs(const wire::Knobs& knobs);
  void send_cpu_turn(std::chrono::microseconds time);
  void send_guard(const wire::Guard& guard);
  /// The guest's agent hears of paging files that it does not know, and may be granted slots of them from now
  /// on; that it is to leave one; that one is gone.
  void tell_of_paging_files();
  void leave_paging_file(unsigned file);
  void forget_paging_file(unsigned file);
  /// Carries out more of the message that has come. True while there is more of it.
  [[nodiscard]] bool work(Turn& turn);

  /// The guest that the policy keeps out, which is told that it may ask again by the end of the connection.
  [[nodiscard]] const wire::Hello* kept_out() const { return kept_out_ && !closed_ ? &*kept_out_ : nullptr; }
  /// Pages of RAM that a guest which does not join has been promised; 0: it is no such guest's.
  [[nodiscard]] std::uint32_t promised_pages() const { return closed_ ? 0 : promised_pages_; }
  /// Whether it is nobody's yet.
  [[nodiscard]] bool is_pending() const { return !joined() && promised_pages_ == 0; }
  /// Whether it is a guest's.
  [[nodiscard]] bool joined() const { return member_ && member_->domain() != nullptr; }
  /// Its number; 0 before it has joined.
  [[nodiscard]] std::uint64_t membership() const { return membership_; }
  /// The guest's, while the connection is there: afterwards the domain may be gone.
  [[nodiscard]] const Domain* domain() const { return closed_ || !member_ ? nullptr : member_->domain(); }
  [[nodiscard]] const PeerCredentials& peer() const { return peer_; }
  [[nodiscard]] int socket_fd() { return socket_.native_handle(); }
  [[nodiscard]] std::uint64_t staging_bytes() const { return member_ ? member_->staging().bytes() : 0; }

 private:
  void await_message();
  void read_next();
  void read_payload();
  // A violation: the peer broke the rules, or what it asked for could not be done.
  [[nodiscard]] Progress handle_safely(Turn& turn);
  [[nodiscard]] Progress handle_first();
  [[nodiscard]] Progress handle_hello();
  void join(const wire::Hello& hello);
  void tell_later();
  void promise(const wire::Hello& hello);
  void keep_out(const wire::Hello& hello, const std::string& reason);
  /// Tells why, then ends the connection.
  void cut_off(std::string_view why, LogLevel level = LogLevel::info);
  void welcome(const SessionHost::Membership& membership, std::uint32_t version);
  void end_of_message();
  void send_reply(std::string_view text);
  void refuse(std::string_view reason);
  void send(wire::Type type, std::span<const std::byte> payload);
  void write_queued();
  void write(std::span<const std::byte> rest);
  void write_later(std::span<const std::byte> rest, int error);
  void end_of_write();
  void send_paging_files();

  Socket socket_;
  PeerCredentials peer_;
  AccountShare share_;
  SessionHost& host_;
  std::string why_no_guest_;  // empty: it may be a guest's
  std::chrono::milliseconds pending_timeout_;
  boost::asio::steady_timer pending_timer_;
  static constexpr std::chrono::milliseconds shortest_write_pause{10};
  static constexpr std::chrono::milliseconds longest_write_pause{1000};
  boost::asio::steady_timer write_timer_;  // while the kernel has no memory for a message
  std::chrono::milliseconds write_pause_ = shortest_write_pause;
  std::optional<Member> member_;
  std::uint64_t membership_ = 0;
  bool knows_guard_ = false;
  std::uint32_t promised_pages_ = 0;
  std::optional<wire::Hello> kept_out_;

  MessageHeader header_;  // of the message that is carried out
  std::vector<std::byte> payload_;
  bool reads_ = true;  // false while too much waits to be read by the peer

  Outbox outbox_{share_};
  std::deque<OpenSlots> paging_files_;  // to be sent
  bool waits_for_room_ = false;         // for them, in the socket's buffer
  bool closing_ = false;                // after all of it is sent
  bool closed_ = false;
};

}  // namespace samepage::dedup
