// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/console_sessions.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "base/check.hpp"
#include "base/json.hpp"
#include "dedup/json_text.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

constexpr std::size_t message_bytes = 4096;
// A guest that prints faster than this goes on must not keep the loop from the others.
constexpr int pieces_a_turn = 16;
constexpr std::chrono::seconds patience_at_end{2};

}  // namespace

void ConsoleSessions::add(UniqueFd socket, ConsolePort port, std::string greeting) {
  if (sessions_.empty()) log_.set_watched(ConsoleLog::Watched::yes);
  sessions_.push_back({std::move(socket), port, log_.tail_begin(), std::move(greeting), {}});
  log_.wake();
}

void ConsoleSessions::add_waits(std::vector<pollfd>& waits) const {
  waits.push_back({log_.news_fd(), POLLIN, 0});
  for (const Session& session : sessions_) {
    const int input = session.untaken.empty() ? POLLIN : 0;
    const int output = session.unsent.empty() ? 0 : POLLOUT;
    waits.push_back({session.socket.get(), static_cast<short>(input | output), 0});
  }
}

void ConsoleSessions::serve(std::span<const pollfd> waits) {
  invariant(waits.size() == sessions_.size() + 1, "console sessions are served with other waits than theirs");
  if (waits.front().revents != 0) log_.take_news();
  std::vector<Session> alive;
  alive.reserve(sessions_.size());
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    if (serve(sessions_[i], waits[i + 1].revents) == Alive::yes) alive.push_back(std::move(sessions_[i]));
  }
  const bool last_left = alive.empty() && !sessions_.empty();
  sessions_ = std::move(alive);
  if (last_left) log_.set_watched(ConsoleLog::Watched::no);
}

ConsoleSessions::Alive ConsoleSessions::serve(Session& session, short happened) {
  offer_input(session);
  if ((happened & (POLLIN | POLLHUP | POLLERR)) != 0 && take_input(session) == Alive::no) return Alive::no;
  return send_output(session);
}

// At most one read a turn. A client that has gone loses what the guest has no room for.
ConsoleSessions::Alive ConsoleSessions::take_input(Session& session) {
  if (!session.untaken.empty()) {
    pollfd hung_up{session.socket.get(), 0, 0};
    return ::poll(&hung_up, 1, 0) > 0 ? Alive::no : Alive::yes;
  }
  std::array<char, message_bytes> bytes{};
  const ssize_t got = ::recv(session.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Alive::yes;
  if (got <= 0) return Alive::no;
  session.untaken.assign(bytes.data(), static_cast<std::size_t>(got));
  offer_input(session);
  return Alive::yes;
}

void ConsoleSessions::offer_input(Session& session) {
  if (session.untaken.empty()) return;
  session.untaken.erase(0, input_(std::as_bytes(std::span(session.untaken)), session.port));
}

ConsoleSessions::Alive ConsoleSessions::send_output(Session& session) {
  for (int pieces = 0; pieces < pieces_a_turn; ++pieces) {
    if (session.unsent.empty()) fill(session);
    if (session.unsent.empty()) return Alive::yes;
    const Sent sent = send_some(session.socket.get(), session.unsent);
    if (sent == Sent::gone) return Alive::no;
    if (sent == Sent::part) return Alive::yes;
  }
  fill(session);  // what is unsent is polled for
  return Alive::yes;
}

void ConsoleSessions::fill(Session& session) const {
  const ConsoleLog::Piece piece = log_.read(session.next, message_bytes);
  session.next = piece.next;
  if (piece.left_out > 0) {
    session.unsent =
        packed(ControlMessage::data,
               fmt::format("\r\n[samepage: {} bytes of output left out here]\r\n", piece.left_out));
  }
  if (!piece.text.empty()) session.unsent += packed(ControlMessage::data, piece.text);
}

void ConsoleSessions::finish(int status) {
  const auto end = std::chrono::steady_clock::now() + patience_at_end;
  const std::string news =
      packed(ControlMessage::answer, dedup::json_text({{"ok", true}, {"ended", true}, {"status", status}}));
  for (Session& session : sessions_) {
    for (bool more = true; more;) {
      if (session.unsent.empty()) fill(session);
      more = !session.unsent.empty();
      if (more && !send_until(session.socket.get(), session.unsent, end)) break;
    }
    if (!session.unsent.empty()) continue;
    session.unsent = news;
    if (!send_until(session.socket.get(), session.unsent, end)) continue;
  }
  sessions_.clear();
  log_.set_watched(ConsoleLog::Watched::no);
}

}  // namespace samepage::vmm
