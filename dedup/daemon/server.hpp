// SPDX-License-Identifier: Apache-2.0
// The daemon: holds its parts together and answers commands. Connections come from the Acceptor, each is a
// Session; guests are members of domains (memberships.hpp, domain_table.hpp); work is done in turns
// (turn_runner.hpp); what is shown is summed up in statistics.hpp. One thread runs everything.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/acceptor.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/accounts.hpp"
#include "dedup/daemon/admission.hpp"
#include "dedup/daemon/break_guard.hpp"
#include "dedup/daemon/cpu_budget.hpp"
#include "dedup/daemon/daemon_shortages.hpp"
#include "dedup/daemon/domain_table.hpp"
#include "dedup/daemon/knob_settings.hpp"
#include "dedup/daemon/memberships.hpp"
#include "dedup/daemon/paging/paging_files.hpp"
#include "dedup/daemon/session.hpp"
#include "dedup/daemon/session_host.hpp"
#include "dedup/daemon/statistics.hpp"
#include "dedup/daemon/turn_runner.hpp"
#include "dedup/daemon/worst_case.hpp"
#include "dedup/metrics/metrics_snapshot.hpp"

namespace samepage::dedup {

struct ServerConfig {
  KnobSettings knobs = {};
  AdmissionRules admission = {};
  /// The server stops its io_context after being without guests and connections for this long.
  std::optional<std::chrono::milliseconds> exit_when_idle = {};
  /// A connection that is not a guest's is closed when it has said nothing for this long.
  std::chrono::milliseconds pending_timeout = std::chrono::minutes(1);
  DupPolicy dup_policy = {};
  std::vector<PagingSpec> paging_files = {};  // each must be usable
  /// Paging files that were added while a former daemon ran.
  std::vector<PagingSpec> kept_paging_files = {};
  /// Keeps such files for the next daemon. False when it can't.
  std::function<bool(const std::vector<PagingSpec>&)> keep_paging_files = {};
  /// Where metrics are served, for people.
  std::function<std::vector<std::string>()> metrics_places = [] { return std::vector<std::string>(); };
};

class Server final : public SessionHost {
 public:
  Server(boost::asio::io_context& io, ServerConfig config);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Accepts connections on a listening local socket from now on.
  void listen(UniqueFd listening) { acceptor_.listen(std::move(listening)); }
  /// Serves one connected socket. `pidfd` becomes readable when the process at the other end is gone; without
  /// it the server gets the peer's from the kernel. Throws UserError when the user has too many connections
  /// that are not a guest's; the peer is told.
  void adopt(UniqueFd socket, UniqueFd pidfd = {});
  /// The same where this was the last descriptor: it is answered questions, and let go soon.
  void adopt_for_questions(UniqueFd socket);

  /// Whether the kernel is asked what the daemon itself costs: that takes it longer than all the rest.
  enum class Costs : std::uint8_t { counted, left_out };
  /// {"pid", "host": {...}, "users": [...], "guests": [...]}; docs/manual.md explains each figure. `viewer`
  /// sees what belongs to this user alone; without one, everything.
  [[nodiscard]] nlohmann::json statistics(Costs costs = Costs::counted,
                                          std::optional<uid_t> viewer = {}) const;

  /// From now on guests join by this policy. Those that have joined stay; those that it keeps out no more
  /// hear that they may ask again.
  void set_policy(Policy policy);

  /// Pages that are on their way to paging files.
  [[nodiscard]] std::size_t pages_on_their_way() const;

  /// What metrics are made from. `daemon_bytes`: what the daemon itself costs, which takes long to find out.
  [[nodiscard]] MetricsSnapshot metrics(std::uint64_t daemon_bytes) const;

  // SessionHost
  Membership join(Session& session, GuestLink& link, const wire::Hello& hello) override;
  std::optional<std::string> refuse_promise(const Session& session, std::uint32_t pages) override;
  void could_not_let_in(const std::exception& problem) override { shortages_.failed(problem); }
  void could_not_send(int error) override { shortages_.no_buffers(error); }
  void has_sent() override { shortages_.has_sent(); }
  void leave(Session& session) override;
  std::string answer(const Session& session, std::string_view question) override;
  void reported(const Session& session, const wire::Report& report) override;
  void tells_cpu_time(const Session& session, const wire::CpuTime& time) override;
  void tells_room(const Session& session, const wire::Room& room) override;
  void closed(Session& session) override;
  void wants_turns(Session& session) override;
  void after_turns(std::function<void()> act) override { turns_.after_turns(std::move(act)); }

 private:
  std::shared_ptr<Session> make_session(UniqueFd socket, std::chrono::milliseconds pending_timeout);
  void begin(const std::shared_ptr<Session>& session);
  std::shared_ptr<Account> account_of(uid_t uid);
  /// Without what the daemon's own memory is.
  [[nodiscard]] HostFigures host_figures(std::optional<uid_t> viewer) const;
  [[nodiscard]] std::vector<ShortageFigure> shortages(std::optional<uid_t> viewer) const;

  void settle_paging_rate();
  void settle_cpu_percent();
  void settle_break_guard();
  [[nodiscard]] WorstCases worst_cases(std::optional<uid_t> viewer) const;
  /// Tells guests whose turn it is, now and when there is time for more.
  void give_cpu_turns();
  void let_in_those_kept_out();
  void every_second();
  void check_idle();
  [[nodiscard]] CommitCharge commit_charge(std::optional<uid_t> viewer) const;
  /// What a user has here and may have.
  [[nodiscard]] UserFigures user_figures(uid_t uid, const Account& account) const;
  // Paging files, while guests run.
  void add_paging_file(const std::string& text);
  void remove_paging_file(const std::string& path);
  void keep_paging_files() const;
  void close_left_paging_files();
  [[nodiscard]] std::string answer_paging(const nlohmann::json& request, bool trusted);

  boost::asio::io_context& io_;
  ServerConfig config_;
  Acceptor acceptor_;
  boost::asio::steady_timer idle_timer_;
  boost::asio::steady_timer second_timer_;
  std::chrono::steady_clock::time_point last_activity_ = std::chrono::steady_clock::now();
  std::uint32_t max_frames_;
  Accounts accounts_;
  TurnRunner turns_;
  CpuBudget cpu_budget_;
  boost::asio::steady_timer cpu_timer_;
  BreakGuard break_guard_;
  UncoveredPlaces uncovered_;
  DaemonShortages shortages_;
  PagingFiles paging_;
  DomainTable domains_;
  Memberships memberships_;
  std::map<const Session*, std::shared_ptr<Session>> sessions_;
  std::map<const Session*, UniqueFd> pending_pidfds_;  // that were given with connections
  std::uint64_t full_scans_ = 0;
  Memberships::Clock::time_point looked_at_kept_out_;  // whether the policy lets them in now
};

}  // namespace samepage::dedup
