// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/check.hpp"
#include "base/types.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

// While the kernel has no memory for a message: pauses that grow, and an end of them. The socket tells when
// somebody hangs up meanwhile.
class SendPause {
 public:
  SendPause(int socket, Shortages* shortages) : socket_(socket), shortages_(shortages) {}

  // Whether to try again.
  bool wait(int error) {
    constexpr std::chrono::milliseconds longest{200}, patience{5000};
    if (shortages_ != nullptr) note_refused(*shortages_, Resource::socket_buffers, std::strerror(error));
    if (waited_ >= patience) return false;
    pollfd hung_up{socket_, 0, 0};
    if (::poll(&hung_up, 1, static_cast<int>(next_.count())) > 0) return false;
    waited_ += next_;
    next_ = std::min(2 * next_, longest);
    return true;
  }

 private:
  int socket_;
  Shortages* shortages_;
  std::chrono::milliseconds next_{5}, waited_{0};
};

[[noreturn]] void throw_refusal(const Message& answer) {
  throw UserError(fmt::format("the daemon refuses the guest: {}", answer.text()));
}

}  // namespace

bool has_descriptors(int fd) noexcept {
  std::array<UniqueFd, 4> more;
  for (UniqueFd& one : more) {
    one = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!one) return false;
  }
  return true;
}

void require_descriptors(int fd) {
  if (has_descriptors(fd)) return;
  errno = EMFILE;
  throw_errno("descriptors of the daemon's files");
}

class HangUp::InMessage {
 public:
  explicit InMessage(HangUp& hang_up) : count_(hang_up.begun_and_ended_) { ++count_; }
  ~InMessage() { ++count_; }
  InMessage(const InMessage&) = delete;
  InMessage& operator=(const InMessage&) = delete;

 private:
  std::atomic<std::uint64_t>& count_;
};

std::uint64_t HangUp::message() const {
  const std::uint64_t count = begun_and_ended_;
  return count % 2 == 1 ? count : 0;
}

void HangUp::cancel(std::uint64_t message) {
  const std::lock_guard guard(lock_);
  if (begun_and_ended_ != message) return;
  if (const auto socket = socket_.lock()) ::shutdown(socket->get(), SHUT_RDWR);
}

void HangUp::hang_up() {
  const std::lock_guard guard(lock_);
  over_ = true;
  if (const auto socket = socket_.lock()) ::shutdown(socket->get(), SHUT_RDWR);
}

void HangUp::watch(const std::shared_ptr<const UniqueFd>& socket) {
  const std::lock_guard guard(lock_);
  if (over_) ::shutdown(socket->get(), SHUT_RDWR);
  socket_ = socket;
}

Connection::Connection(const AgentConfig& config, HangUp& hang_up, UniqueFd socket, Shortages* shortages)
    : hang_up_(&hang_up),
      shortages_(shortages),
      socket_(
          std::make_shared<const UniqueFd>(socket ? std::move(socket) : connect_daemon(config.socket_path))),
      path_(config.socket_path) {
  if (!*socket_) {
    throw NoDaemon(
        fmt::format("no samepaged answers on {}; start one, or run the guest with --domain none", path_));
  }
  hang_up.watch(socket_);
}

void Connection::ask_to_join(const AgentConfig& config, std::uint32_t pages, std::uint64_t former) {
  if (config.guest.size() >= wire::max_name || config.domain.size() >= wire::max_name) {
    throw UserError(
        fmt::format("the names of a guest and of a domain may have up to {} bytes; choose shorter ones",
                    wire::max_name - 1));
  }
  wire::Hello hello;
  hello.pages = pages;
  hello.zero_only = config.sharing == Sharing::nothing     ? wire::promise_only
                    : config.sharing == Sharing::zero_only ? 1
                                                           : 0;
  config.guest.copy(hello.guest, wire::max_name - 1);
  config.domain.copy(hello.domain, wire::max_name - 1);
  hello.former_membership = former;
  if (!send(wire::Type::hello, wire::bytes_of(hello))) {
    throw UserError(fmt::format("the daemon on {} ended while the guest was joining it; try again", path_));
  }
}

void Connection::finish_promising() {
  const std::optional<Message> message = receive();
  if (!message && errno == EAGAIN) throw DaemonHangs(path_);
  if (!message || message->type != static_cast<std::uint32_t>(wire::Type::promised))
    throw NoDaemon(not_our_daemon(path_));  // it counts no such guests
  if (!message->payload.empty()) throw_refusal(*message);
}

Membership Connection::finish_joining() {
  std::optional<Message> message = receive();
  if (!message && errno == EAGAIN) throw DaemonHangs(path_);
  if (message && message->type == static_cast<std::uint32_t>(wire::Type::refused)) throw_refusal(*message);
  if (message && message->type == static_cast<std::uint32_t>(wire::Type::kept_out)) {
    fault_point(FaultIn::agent, FaultMoment::took, wire::Type::kept_out);
    throw GuestKeptOut(fmt::format("the daemon keeps the guest out: {}", message->text()));
  }
  std::optional<wire::Welcome> welcome;
  if (message && message->type == static_cast<std::uint32_t>(wire::Type::welcome) && message->fds.size() < 2)
    require_descriptors(fd());
  if (message && message->type == static_cast<std::uint32_t>(wire::Type::welcome) &&
      message->fds.size() == 2) {
    welcome = wire::read_one<wire::Welcome>(message->payload);
  }
  if (!welcome || welcome->version != wire::version) throw UserError(not_our_daemon(path_));
  Mapping staging = Mapping::shared(message->fds[1].get(), PageCount{welcome->staging_slots}.bytes());
  fault_point(FaultIn::agent, FaultMoment::took, wire::Type::welcome);
  return {*welcome, FrameFiles(std::move(message->fds[0])), std::move(staging)};
}

bool Connection::send(wire::Type type, std::span<const std::byte> payload) {
  const HangUp::InMessage in_message(*hang_up_);
  fault_point(FaultIn::agent, FaultMoment::sends, type);
  SendPause pause(fd(), shortages_);
  while (fault_fails("agent-sending")) {
    if (!pause.wait(errno)) return false;
  }
  const bool sent = send_message(fd(), static_cast<std::uint32_t>(type), payload, {},
                                 [&](int error) { return pause.wait(error); });
  if (sent && shortages_ != nullptr) note_granted(*shortages_, Resource::socket_buffers);
  fault_point(FaultIn::agent, FaultMoment::sent, type);
  return sent;
}

std::optional<Message> Connection::receive() {
  const HangUp::InMessage in_message(*hang_up_);
  std::optional<Message> message = receive_message(fd());
  if (message) fault_point(FaultIn::agent, FaultMoment::takes, static_cast<wire::Type>(message->type));
  return message;
}

bool Connection::readable() const {
  pollfd waiting{fd(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) > 0;
}

}  // namespace samepage::dedup
