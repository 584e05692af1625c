// SPDX-License-Identifier: Apache-2.0
// One client. Long because the order of all that may happen to a connection is to be seen in one place.
#include "manage/libvirt/session.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <utility>

#include "base/hand_over.hpp"
#include "base/log.hpp"
#include "manage/libvirt/wire_values.hpp"

namespace samepage::libvirt {
namespace {

namespace asio = boost::asio;

// Before a client has opened the connection, it has little to say.
constexpr std::uint32_t max_first_message = 64U << 10U;

// The procedures that belong to the connection.
constexpr std::int32_t connect_open = 1;
constexpr std::int32_t connect_close = 2;
constexpr std::int32_t supports_feature = 60;
constexpr std::int32_t auth_list = 66;
constexpr std::int32_t legacy_register = 167;
constexpr std::int32_t legacy_deregister = 168;
constexpr std::int32_t callback_register = 316;
constexpr std::int32_t callback_deregister = 317;

// What clients ask after with supports_feature; all else we don't have.
constexpr std::int32_t feature_typed_texts = 9;
constexpr std::int32_t feature_keepalive = 10;
constexpr std::int32_t feature_event_callbacks = 14;

bool is_ours(std::string_view uri) {
  return uri.empty() || uri.starts_with("samepage:") || uri.starts_with("qemu:");
}

// Clients then try an older procedure, if there is one.
Error no_procedure(std::int32_t number) {
  const std::string_view function = missing_procedure(number);
  if (!function.empty()) return no_support(std::string(function));
  // These words are what clients take it from.
  return {VIR_ERR_RPC, fmt::format("unknown procedure: {}", number), VIR_FROM_RPC};
}

}  // namespace

Session::Session(Socket socket, Access most, const SessionLimits& limits, Host& host, Workers& workers,
                 SessionOwner& owner)
    : socket_(std::move(socket)),
      access_(most),
      limits_(limits),
      host_(host),
      workers_(workers),
      owner_(owner),
      opening_(socket_.get_executor()) {
  messages_.limit(max_first_message);
}

void Session::start() {
  opening_.expires_after(limits_.opening);
  opening_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->closed_ && !self->opened_) self->cut_off("it does not open its connection");
  });
  read_some();
}

void Session::read_some() {
  if (reading_ || closed_ || calls_ >= limits_.calls || is_behind()) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
                            self->reading_ = false;
                            if (self->closed_) return;
                            if (error) return self->close();
                            self->messages_.add(std::span(self->buffer_).first(bytes));
                            self->take_messages();
                          });
}

// All that there is, or as much as may be under way.
void Session::take_messages() {
  while (!closed_ && calls_ < limits_.calls && !is_behind()) {
    std::optional<Message> message = messages_.next();
    if (!message) break;
    take(std::move(*message));
  }
  if (closed_) return;
  if (messages_.is_broken()) return cut_off("what it sends is not a message, or too long");
  read_some();
}

void Session::take(Message message) {
  const Header& header = message.header;
  if (header.program == keepalive_program) return take_keepalive(header);
  if (header.program != remote_program || header.version != program_version) {
    if (header.type != MessageType::call) return cut_off("it speaks to a program that there is not");
    return refuse(header, {VIR_ERR_RPC,
                           fmt::format("Cannot find program {} version {}", header.program, header.version),
                           VIR_FROM_RPC});
  }
  switch (header.type) {
    case MessageType::call:
      return take_call(std::move(message));
    case MessageType::stream:
      return take_stream_packet(message);
    case MessageType::hole:
      return;  // a console has none
    default:
      // Where descriptors come with a call, bytes of no message come too. We say that we take none.
      return cut_off("it sends a message of a kind that clients don't send");
  }
}

void Session::take_keepalive(const Header& header) {
  if (header.version != program_version || header.type != MessageType::message) {
    return cut_off("it sends a keepalive message that is none");
  }
  if (header.procedure != keepalive_ping) return;
  Header pong = header;
  pong.procedure = keepalive_pong;
  send(packed(pong));
}

void Session::take_call(Message call) {
  const Header header = call.header;
  try {
    if (header.status != Status::ok) throw Error(VIR_ERR_RPC, "a call has a status", VIR_FROM_RPC);
    if (answer_here(call)) return;
    const Procedure* const procedure = find_procedure(header.procedure);
    if (procedure == nullptr) throw no_procedure(header.procedure);
    if (!opened_) throw internal("the connection is not open");
    if (procedure->access == Access::writes && access_ == Access::reads) {
      throw read_only(std::string(procedure->function));
    }
    ++calls_;
    run(*procedure, std::move(call));
  } catch (const std::exception&) {
    refuse(header, error_from(std::current_exception()));
  }
}

// False: it is none of ours.
bool Session::answer_here(const Message& call) {
  XdrReader in(call.payload);
  XdrWriter out = payload_writer();
  const std::int32_t procedure = call.header.procedure;
  const bool about_events = procedure == legacy_register || procedure == legacy_deregister ||
                            procedure == callback_register || procedure == callback_deregister;
  if (about_events) {
    if (!opened_) throw internal("the connection is not open");
    // What has happened before is not for those who subscribe now; for those who leave it is.
    owner_.tell_events();
    if (closed_) return true;
  }
  switch (procedure) {
    case auth_list:
      out.count(1).i32(0);  // "none": who it is, the kernel has told
      break;
    case supports_feature:
      out.i32(feature(in.i32()));
      break;
    case connect_open:
      open(in);
      break;
    case connect_close:
      opened_ = false;
      subscriptions_.clear();
      break;
    case legacy_register:
      subscriptions_.add_legacy(in.i32());
      break;
    case legacy_deregister:
      subscriptions_.remove_legacy(in.i32());
      break;
    case callback_register: {
      const std::int32_t event = in.i32();
      out.i32(subscriptions_.add(event, in.boolean() ? std::optional(take_domain(in)) : std::nullopt));
      break;
    }
    case callback_deregister:
      subscriptions_.remove(in.i32());
      break;
    default:
      return false;
  }
  send(packed(reply_to(call.header), std::move(out)));
  return true;
}

std::int32_t Session::feature(std::int32_t asked) const {
  return asked == feature_typed_texts || asked == feature_keepalive || asked == feature_event_callbacks ? 1
                                                                                                        : 0;
}

void Session::open(XdrReader& in) {
  if (opened_) throw internal("the connection is open already");
  const std::string uri = in.optional_text().value_or("");
  const unsigned flags = in.u32();
  if (!is_ours(uri)) {
    throw Error(VIR_ERR_NO_CONNECT,
                fmt::format("no connection driver available for {}; use samepage:///system", uri),
                VIR_FROM_NONE);
  }
  // Clients leave bits of their own in the flags (2 and 4 for a session's URI); they ask nothing of a server.
  if ((flags & VIR_CONNECT_RO) != 0) access_ = Access::reads;
  uri_ = uri.empty() ? "samepage:///system" : uri;
  opened_ = true;
  opening_.cancel();
  messages_.limit(max_received_message);
}

void Session::run(const Procedure& procedure, Message call) {
  if (procedure.pace == Pace::slow) {
    if (slow_calls_ >= limits_.slow_calls) {
      waiting_.push_back({&procedure, std::move(call)});
      return;
    }
    ++slow_calls_;
  }
  workers_.run(procedure.pace, [self = shared_from_this(), &procedure, call = std::move(call),
                                context = Call{host_, access_, uri_}]() mutable {
    // What came of it goes to the server's thread in one piece that can be copied.
    auto outcome = std::make_shared<Outcome>(carry_out(procedure, call, std::move(context)));
    asio::post(self->socket_.get_executor(), [self, &procedure, header = call.header, outcome] {
      self->done(procedure, header, std::move(*outcome));
    });
  });
}

Session::Outcome Session::carry_out(const Procedure& procedure, const Message& message, Call call) noexcept {
  Outcome outcome;
  try {
    XdrReader in(message.payload);
    XdrWriter out = payload_writer();
    procedure.answer(call, in, out);
    outcome.ends_with_connection = std::move(call.ends_with_connection);
    outcome.console = std::move(call.console);
    if (out.size() > max_sent_message) throw operation_failed("the answer is longer than clients take");
    outcome.reply = packed(reply_to(message.header), std::move(out));
  } catch (...) {
    outcome.console.reset();
    outcome.reply = error_message(reply_to(message.header), error_from(std::current_exception()));
  }
  return outcome;
}

void Session::done(const Procedure& procedure, const Header& call, Outcome outcome) {
  --calls_;
  if (procedure.pace == Pace::slow) {
    --slow_calls_;
    if (!waiting_.empty()) {
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      run(*next.procedure, std::move(next.call));
    }
  }
  if (outcome.ends_with_connection) {
    if (closed_) return end_guest(*outcome.ends_with_connection);
    end_with_me_.push_back(std::move(*outcome.ends_with_connection));
  }
  if (closed_) return;
  if (outcome.console && streams_.size() >= limits_.streams) {
    refuse(call, operation_failed("the connection has too many streams"));
  } else {
    send(std::move(outcome.reply));
    if (outcome.console && !closed_) attach(std::move(outcome.console), call);
  }
  take_messages();
}

void Session::attach(UniqueFd console, const Header& call) {
  Socket guest(socket_.get_executor());
  hand_over(std::move(console), guest, asio::local::stream_protocol());
  // A stream does not keep its session: it goes with it.
  const std::weak_ptr<Session> me = weak_from_this();
  ConsoleStream::Client client;
  client.send = [me](Bytes message) {
    if (const auto self = me.lock()) self->send(std::move(message));
  };
  client.is_behind = [me] {
    const auto self = me.lock();
    return !self || self->closed_ || self->is_behind();
  };
  client.failed = [me, serial = call.serial] {
    if (const auto self = me.lock()) self->streams_.erase(serial);
  };
  auto stream = std::make_shared<ConsoleStream>(std::move(guest), call, std::move(client));
  // A client that uses a number twice loses its first stream.
  if (const auto former = streams_.find(call.serial); former != streams_.end()) former->second->close();
  streams_[call.serial] = stream;
  stream->start();
}

void Session::take_stream_packet(const Message& packet) {
  const auto found = streams_.find(packet.header.serial);
  if (found == streams_.end()) return;  // late, for a stream that has ended
  const std::shared_ptr<ConsoleStream> stream = found->second;
  if (packet.header.status == Status::more) return stream->type(packet.payload);
  // The client has ended it, in order or not.
  stream->close();
  streams_.erase(found);
  Header over = packet.header;
  over.status = Status::ok;
  send(packed(over));
}

void Session::tell(const LifecycleEvent& event) {
  if (closed_) return;
  for (Bytes& message : subscriptions_.messages(event)) {
    if (outbox_.unread() + message.size() > limits_.unread_events) {
      return cut_off("it does not read the events that it asked for");
    }
    send(std::move(message));
    if (closed_) return;
  }
}

void Session::refuse(const Header& call, const Error& error) {
  send(error_message(reply_to(call), error));
}

void Session::send(Bytes message) {
  if (closed_) return;
  if (outbox_.unread() + message.size() > limits_.unread) return cut_off("it does not read its answers");
  outbox_.add(std::move(message));
  if (outbox_.ready()) write_queued();
}

void Session::write_queued() {
  std::vector<asio::const_buffer> buffers;
  for (const Bytes& message : outbox_.begin_sending()) buffers.emplace_back(message.data(), message.size());
  asio::async_write(socket_, buffers,
                    [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                      if (self->closed_) return;
                      if (error) return self->close();
                      self->outbox_.sent();
                      if (self->outbox_.ready()) self->write_queued();
                      if (self->is_behind()) return;
                      for (const auto& [serial, stream] : self->streams_) stream->read_on();
                      self->take_messages();
                    });
}

void Session::end_guest(const DomainRef& domain) {
  workers_.run(Pace::slow, [&host = host_, domain] {
    try {
      // Another guest may have its name by now.
      if (host.by_uuid(domain.uuid).id == domain.id) host.destroy(domain, 0);
    } catch (const std::exception& error) {
      log(LogLevel::error, "guest '{}' was to end with its connection: {}", domain.name, error.what());
    }
  });
}

void Session::cut_off(std::string_view why) {
  if (!closed_) log(LogLevel::warning, "a client is cut off: {}", why);
  close();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  opening_.cancel();
  for (const auto& [serial, stream] : std::exchange(streams_, {})) stream->close();
  calls_ -= waiting_.size();
  waiting_.clear();
  for (const DomainRef& domain : std::exchange(end_with_me_, {})) end_guest(domain);
  owner_.closed(*this);
}

}  // namespace samepage::libvirt
