// SPDX-License-Identifier: Apache-2.0
// Connections, questions, and what is done once a second. Guests as members are in server_members.cpp,
// figures in server_figures.cpp, paging files in server_paging.cpp, the policy in server_policy.cpp.
#include "dedup/daemon/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/hand_over.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/process_memory.hpp"
#include "base/processors.hpp"
#include "base/units.hpp"
#include "dedup/json_text.hpp"

namespace samepage::dedup {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

// Of somebody who has the last descriptor.
constexpr std::chrono::milliseconds longest_question{2000};

// For the peer of a connection that is not kept. It may hear it or not: nobody waits for it.
void tell_refusal(const UniqueFd& socket, std::string_view reason) {
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  try {
    static_cast<void>(send_message(socket.get(), static_cast<std::uint32_t>(wire::Type::refused), reason));
  } catch (const std::system_error&) {
  }
}

}  // namespace

Server::Server(asio::io_context& io, ServerConfig config)
    : io_(io),
      config_(std::move(config)),
      acceptor_(io, {[this](UniqueFd socket) { adopt(std::move(socket)); },
                     [](const std::exception& problem) {
                       log(LogLevel::warning, "a connection is turned away: {}", problem.what());
                     },
                     [this](UniqueFd socket) { adopt_for_questions(std::move(socket)); },
                     [this] { shortages_.no_descriptors(); }}),
      idle_timer_(io),
      second_timer_(io),
      max_frames_(static_cast<std::uint32_t>(
          std::min<std::uint64_t>(pages_in(host_memory("MemTotal")).value, FrameRefs::max_frames))),
      turns_(io),
      cpu_budget_(usable_processors(), config_.knobs.current.cpu_percent, CpuBudget::Clock::now()),
      cpu_timer_(io),
      domains_(
          turns_,
          [this](const std::string& label, uid_t owner) {
            const auto post = [&io = io_](std::function<void()> act) { asio::post(io, std::move(act)); };
            return std::make_shared<Domain>(label, owner, account_of(owner), max_frames_, config_.dup_policy,
                                            Domain::Paging{paging_, post}, shortages_.all());
          },
          [this](Domain& domain) { memberships_.drop_unreferenced(domain); }),
      memberships_(io, domains_, config_.admission, max_frames_, [this] { return commit_charge({}); }) {
  settle_paging_rate();
  for (const PagingSpec& spec : config_.paging_files) paging_.add(spec);
  for (const PagingSpec& spec : config_.kept_paging_files) paging_.add_kept(spec);
  if (config_.exit_when_idle) check_idle();
  every_second();
}

Server::~Server() = default;

std::shared_ptr<Session> Server::make_session(UniqueFd socket, std::chrono::milliseconds pending_timeout) {
  const PeerCredentials peer = peer_of(socket.get());
  const auto pending = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second->is_pending() && entry.second->peer().uid == peer.uid;
  });
  if (const Refusal refusal = refuse_connection(config_.admission, peer.uid, pending)) {
    tell_refusal(socket, *refusal);
    throw UserError(*refusal);
  }
  Session::Socket connection(io_);
  hand_over(std::move(socket), connection, asio::local::stream_protocol());
  return std::make_shared<Session>(std::move(connection), peer, account_of(peer.uid), *this, pending_timeout);
}

void Server::begin(const std::shared_ptr<Session>& session) {
  try {
    sessions_.emplace(session.get(), session);
    session->start();
  } catch (...) {
    pending_pidfds_.erase(session.get());
    sessions_.erase(session.get());
    throw;
  }
}

void Server::adopt(UniqueFd socket, UniqueFd pidfd) {
  const std::shared_ptr<Session> session = make_session(std::move(socket), config_.pending_timeout);
  if (pidfd) pending_pidfds_.emplace(session.get(), std::move(pidfd));
  begin(session);
}

void Server::adopt_for_questions(UniqueFd socket) {
  const std::shared_ptr<Session> session =
      make_session(std::move(socket), std::min(config_.pending_timeout, longest_question));
  session->answer_only(
      "samepaged has no file descriptors left; end some guests, or start it with a higher 'ulimit -n'");
  begin(session);
}

void Server::closed(Session& session) {
  leave(session);
  pending_pidfds_.erase(&session);
  last_activity_ = std::chrono::steady_clock::now();
  // The session may be in one of its own functions: let it come to an end first.
  asio::post(io_, [this, kept = session.shared_from_this()] { sessions_.erase(kept.get()); });
}

std::string Server::answer(const Session& session, std::string_view question) {
  const json request = json::parse(question, nullptr, false);
  const auto asked = request.is_object() ? request.find("do") : request.end();
  const std::string what =
      asked != request.end() && asked->is_string() ? asked->get<std::string>() : std::string();
  const uid_t uid = session.peer().uid;
  const bool trusted = config_.admission.trusts(uid);
  if (what == "stat" || what == "counts") {
    return json_text(statistics(what == "stat" ? Costs::counted : Costs::left_out,
                                trusted ? std::nullopt : std::optional(uid)));
  }
  if (what == "tune") {
    if (sets_knobs(request)) {
      if (!trusted) throw UserError("only the daemon's own user and root may set knobs");
      set_knobs(config_.knobs, request);
      settle_paging_rate();
      for (const auto& [key, other] : sessions_) other->send_knobs(config_.knobs.current);
      settle_cpu_percent();
      settle_break_guard();
    }
    return json_text(to_json(config_.knobs));
  }
  if (what == "paging") return answer_paging(request, trusted);
  throw UserError(
      "the daemon knows the questions stat, counts, tune and paging; install samepage and samepaged from the "
      "same "
      "release");
}

void Server::wants_turns(Session& session) {
  turns_.add(session.peer().uid, [this, session = session.shared_from_this()](Turn& turn) {
    const bool more = session->work(turn);
    const Domain* domain = session->domain();
    if (domain != nullptr && domain->busy()) domains_.settle(domain->label());
    return more;
  });
}

std::shared_ptr<Account> Server::account_of(uid_t uid) {
  return accounts_.of(uid, config_.admission.memory_of(uid));
}

void Server::every_second() {
  for (const auto& [label, domain] : domains_.all()) {
    domain->pass_over_silent_donors();
    domain->retry_frames();
    domain->slots().retry();
  }
  shortages_.look_again(std::any_of(domains_.all().begin(), domains_.all().end(),
                                    [](const auto& entry) { return entry.second->lacks().has_value(); }));
  for (const auto& [key, session] : sessions_) session->tell_of_paging_files();  // should that have failed
  close_left_paging_files();
  if (memberships_.last_end() > looked_at_kept_out_) let_in_those_kept_out();
  domains_.settle_busy();
  give_cpu_turns();
  uncovered_.tell(worst_cases({}));
  // A page that is not merged for want of room is an error of nobody's. It is told here, once a user.
  for (const uid_t uid : accounts_.newly_full()) {
    const auto account = account_of(uid);
    log(LogLevel::warning,
        "user {} has {} of {} that a user may have: further pages of theirs are not merged; start samepaged "
        "with a higher --user-memory (max-held= where a policy has a rule for the user) to allow more",
        uid, format_size(account->used()), format_size(account->limit()));
  }
  second_timer_.expires_after(std::chrono::seconds(1));
  second_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) every_second();
  });
}

void Server::check_idle() {
  // A guest that does not share keeps no daemon alive.
  const bool any = std::any_of(sessions_.begin(), sessions_.end(),
                               [](const auto& entry) { return entry.second->promised_pages() == 0; });
  const auto idle = std::chrono::steady_clock::now() - std::max(last_activity_, memberships_.last_end());
  if (memberships_.guests().empty() && !any && idle >= *config_.exit_when_idle) return io_.stop();
  idle_timer_.expires_after(*config_.exit_when_idle / 4);
  idle_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) check_idle();
  });
}

}  // namespace samepage::dedup
