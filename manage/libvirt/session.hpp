// SPDX-License-Identifier: Apache-2.0
// One client's connection. It reads messages, answers what is the connection's own affair (opening, features,
// keepalive, events, streams), gives calls to the workers, and sends replies in the order in which these
// come. The server's thread, which never waits: so keepalive is answered while a call takes its time.
//
// A client may say anything. What it asks for wrongly is answered with an error; what is not a message of
// libvirt's protocol ends the connection. What a client can make us keep is bounded: calls under way (no more
// is read until one is done), what it does not read (no more is read from it, and then it is cut off),
// streams, subscriptions, and the time until it has opened.
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manage/libvirt/console_stream.hpp"
#include "manage/libvirt/host.hpp"
#include "manage/libvirt/message.hpp"
#include "manage/libvirt/outbox.hpp"
#include "manage/libvirt/procedures.hpp"
#include "manage/libvirt/subscriptions.hpp"
#include "manage/libvirt/workers.hpp"

namespace samepage::libvirt {

class Session;

/// What a session needs of the server.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// Tells all sessions what has happened so far: who subscribes then hears of what comes after.
  virtual void tell_events() = 0;
  virtual void closed(Session& session) = 0;
};

/// Of one client.
struct SessionLimits {
  std::chrono::milliseconds opening{30'000};  // until it has opened its connection
  std::size_t calls = 32;                     // under way or waiting
  std::size_t slow_calls = 4;                 // of them, carried out at once
  std::size_t streams = 8;
  std::size_t unread_and_read_on = std::size_t{1} << 20U;  // more than this unread: nothing is read from it
  std::size_t unread_events = std::size_t{4} << 20U;       // more than this unread: an event cuts it off
  std::size_t unread = std::size_t{64} << 20U;             // more than this unread: it is cut off
};

class Session final : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  /// `most` is what the client may do at most, whatever it opens the connection for.
  Session(Socket socket, Access most, const SessionLimits& limits, Host& host, Workers& workers,
          SessionOwner& owner);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  /// Begins to read; once.
  void start();
  /// Ends the connection; the owner hears of it once. Guests that were to end with it are ended.
  void close();
  void tell(const LifecycleEvent& event);

 private:
  /// What came of a call.
  struct Outcome {
    Bytes reply;
    std::optional<DomainRef> ends_with_connection;
    UniqueFd console;
  };

  void read_some();
  void take_messages();
  void take(Message message);
  void take_keepalive(const Header& header);
  void take_call(Message call);
  void take_stream_packet(const Message& packet);

  // Answers of its own. Each throws an Error where it refuses.
  bool answer_here(const Message& call);
  void open(XdrReader& in);
  [[nodiscard]] std::int32_t feature(std::int32_t asked) const;

  void run(const Procedure& procedure, Message call);
  static Outcome carry_out(const Procedure& procedure, const Message& message, Call call) noexcept;
  void done(const Procedure& procedure, const Header& call, Outcome outcome);
  void attach(UniqueFd console, const Header& call);
  void end_stream(const Header& header);
  void end_guest(const DomainRef& domain);

  void refuse(const Header& call, const Error& error);
  void send(Bytes message);
  void write_queued();
  [[nodiscard]] bool is_behind() const { return outbox_.unread() > limits_.unread_and_read_on; }
  void cut_off(std::string_view why);

  Socket socket_;
  Access access_;
  SessionLimits limits_;
  Host& host_;
  Workers& workers_;
  SessionOwner& owner_;
  boost::asio::steady_timer opening_;

  std::array<std::byte, 16384> buffer_{};
  MessageAssembler messages_;
  Outbox outbox_;
  bool reading_ = false;
  bool closed_ = false;

  bool opened_ = false;
  std::string uri_;
  std::size_t calls_ = 0;       // under way or waiting
  std::size_t slow_calls_ = 0;  // under way
  struct Waiting {
    const Procedure* procedure;
    Message call;
  };
  std::deque<Waiting> waiting_;
  Subscriptions subscriptions_;
  std::map<std::uint32_t, std::shared_ptr<ConsoleStream>> streams_;  // by the serial of their calls
  std::vector<DomainRef> end_with_me_;
};

}  // namespace samepage::libvirt
