// SPDX-License-Identifier: Apache-2.0
// One connection to the daemon: an agent's for as long as its guest lives, or a command's for one question.
// Reads messages, checks them, passes them to the guest's domain and queues what has to be answered. A peer
// that breaks the protocol is cut off; what its process maps stays counted until the process is gone. One
// thread.
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
#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/domain.hpp"
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
  virtual void closed(Session& session) = 0;
};

class Session final : public GuestLink, public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  /// A connection that is no guest's is closed when it has said nothing for `patience`.
  Session(Socket socket, PeerCredentials peer, SessionHost& host, std::chrono::milliseconds patience);

  /// Begins to read; once.
  void start();
  /// Ends the connection; the host hears of it once.
  void close();
  void send_knobs(const wire::Knobs& knobs);

  /// Whether it is a guest's.
  [[nodiscard]] bool joined() const { return member_.domain != nullptr; }
  [[nodiscard]] const PeerCredentials& peer() const { return peer_; }
  [[nodiscard]] int socket_fd() { return socket_.native_handle(); }
  [[nodiscard]] const wire::Report& report() const { return report_; }
  [[nodiscard]] std::uint64_t staging_bytes() const;

  // GuestLink
  void grant(std::uint32_t page, FrameId frame) override;
  void request_donation(std::uint32_t page) override;
  void flush() override;

 private:
  void await_word();
  void read_header();
  void read_payload();
  /// False: the peer broke the rules, or what it asked for could not be done.
  [[nodiscard]] bool handle_safely();
  [[nodiscard]] bool handle(wire::Type type, std::span<const std::byte> payload);
  [[nodiscard]] bool handle_first(wire::Type type, std::span<const std::byte> payload);
  [[nodiscard]] bool handle_hello(std::span<const std::byte> payload);
  [[nodiscard]] bool handle_offer(std::span<const std::byte> payload, Merger::FirstSighting first);
  [[nodiscard]] bool handle_donated(std::span<const std::byte> payload);
  [[nodiscard]] bool handle_merged(std::span<const std::byte> payload);
  void make_staging_area();
  void welcome(UniqueFd store);
  void send_reply(std::string_view text);
  void refuse(std::string_view reason);
  void send(wire::Type type, std::span<const std::byte> payload);
  void write_next();

  Socket socket_;
  PeerCredentials peer_;
  SessionHost& host_;
  std::chrono::milliseconds patience_;
  boost::asio::steady_timer patience_timer_;
  SessionHost::Membership member_;
  wire::Report report_;

  FrameHeader header_;
  std::vector<std::byte> payload_;

  std::deque<std::vector<std::byte>> outbox_;
  std::size_t outbox_bytes_ = 0;
  bool closing_ = false;  // after the outbox is empty
  bool closed_ = false;

  wire::Verdict verdict_;  // what flush() will send
  UniqueFd staging_fd_;
  Mapping staging_;
  std::vector<std::optional<std::uint32_t>> slots_;  // the page whose donation is awaited in each slot
  std::vector<std::uint32_t> free_slots_;
  std::deque<std::uint32_t> donations_waiting_;  // for a free slot
};

}  // namespace samepage::dedup
