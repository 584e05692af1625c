// SPDX-License-Identifier: Apache-2.0
// One connection to the daemon: an agent's for as long as its guest lives, or a command's for one question.
// Reads messages, checks them, passes them to the guest's domain, a turn's worth at a time, and queues what
// has to be answered. The next message is read when the one before is carried out and the peer has read what
// there is for it. A peer that breaks the protocol is cut off; what its process maps stays counted until the
// process is gone. One thread.
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
#include <vector>

#include "base/framing.hpp"
#include "base/growing_mapping.hpp"
#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/account.hpp"
#include "dedup/daemon/domain.hpp"
#include "dedup/daemon/turn.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Session;

/// What a session asks of the daemon around it.
class SessionHost {
 public:
  /// A guest that may join: its domain and its handle there.
  struct Membership {
    Domain* domain = nullptr;
    PageId guest;
    wire::Knobs knobs;
    std::uint32_t max_frames = 0;
    std::uint64_t number = 0;  // of the membership
    bool ends_when_idle = false;
    UniqueFd store;  // read-only, for the agent
  };

  virtual ~SessionHost() = default;
  /// Throws when the guest can't join; then nothing of it is left.
  virtual Membership join(Session& session, const wire::Hello& hello) = 0;
  /// The guest joined, but could not be told so.
  virtual void leave(Session& session) = 0;
  /// The answer to a command's question, in JSON. Throws UserError.
  virtual std::string answer(const Session& session, std::string_view question) = 0;
  virtual void pass_ended(const Session& session) = 0;
  /// A message has come: the session wants turns to carry it out.
  virtual void wants_turns(Session& session) = 0;
  virtual void closed(Session& session) = 0;
};

class Session final : public GuestLink, public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  /// A connection that is no guest's is closed when it has said nothing for `patience`. `account` is the
  /// peer's user's: it is charged for what is kept for this session.
  Session(Socket socket, PeerCredentials peer, std::shared_ptr<Account> account, SessionHost& host,
          std::chrono::milliseconds patience);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Begins to read; once.
  void start();
  /// Ends the connection; the host hears of it once.
  void close();
  void send_knobs(const wire::Knobs& knobs);
  /// Carries out more of the message that has come. True while there is more of it.
  [[nodiscard]] bool work(Turn& turn);

  /// Whether it is a guest's.
  [[nodiscard]] bool joined() const { return member_.domain != nullptr; }
  /// The guest's, while the connection is there: afterwards the domain may be gone.
  [[nodiscard]] const Domain* domain() const { return closed_ ? nullptr : member_.domain; }
  [[nodiscard]] const PeerCredentials& peer() const { return peer_; }
  [[nodiscard]] int socket_fd() { return socket_.native_handle(); }
  [[nodiscard]] const wire::Report& report() const { return report_; }
  [[nodiscard]] std::uint64_t staging_bytes() const;

  // GuestLink
  void grant(PageIndex page, FrameId frame) override;
  void request_donation(PageIndex page) override;
  void flush() override;

 private:
  void await_word();
  void read_next();
  void read_payload();
  // A violation: the peer broke the rules, or what it asked for could not be done.
  [[nodiscard]] Progress handle_safely(Turn& turn);
  [[nodiscard]] Progress handle(wire::Type type, std::span<const std::byte> payload, Turn& turn);
  [[nodiscard]] Progress handle_first(wire::Type type, std::span<const std::byte> payload);
  [[nodiscard]] Progress handle_hello(std::span<const std::byte> payload);
  [[nodiscard]] Progress handle_donated(std::span<const std::byte> payload, Turn& turn);
  [[nodiscard]] Progress handle_merged(std::span<const std::byte> payload, Turn& turn);
  void end_of_message();
  void make_staging_area();
  void welcome(UniqueFd store, std::uint32_t version);
  void send_reply(std::string_view text);
  void refuse(std::string_view reason);
  void send(wire::Type type, std::span<const std::byte> payload);
  void write_queued();
  bool charge(std::uint64_t bytes);
  void release(std::uint64_t bytes);

  Socket socket_;
  PeerCredentials peer_;
  std::shared_ptr<Account> account_;
  std::uint64_t charged_ = 0;
  SessionHost& host_;
  std::chrono::milliseconds patience_;
  boost::asio::steady_timer patience_timer_;
  SessionHost::Membership member_;
  wire::Report report_;

  // The message that is carried out, and how far.
  FrameHeader header_;
  std::vector<std::byte> payload_;
  Domain::Reached reached_;
  bool first_list_done_ = false;
  bool reads_ = true;  // false while too much waits to be read by the peer

  std::vector<std::byte> sending_;
  std::vector<std::byte> queued_;  // behind `sending_`
  bool closing_ = false;           // after all of it is sent
  bool closed_ = false;

  wire::Verdict verdict_;  // what flush() will send
  UniqueFd staging_fd_;
  Mapping staging_;
  std::vector<std::optional<PageIndex>> slots_;  // the page whose donation is awaited in each slot
  std::vector<std::uint32_t> free_slots_;
  std::deque<PageIndex> donations_waiting_;  // for a free slot
  GrowingArray<std::uint64_t> asked_for_;    // a bit for each page: its donation waits or is awaited
};

}  // namespace samepage::dedup
