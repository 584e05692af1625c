// SPDX-License-Identifier: Apache-2.0
// The daemon: accepts connections, keeps the domains, and watches the processes whose guests share frames. A
// guest's references go when its process is gone (pidfd), not when its socket closes. One thread runs
// everything.
#pragma once

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/unique_fd.hpp"
#include "dedup/daemon/account.hpp"
#include "dedup/daemon/domain.hpp"
#include "dedup/daemon/peer_process.hpp"
#include "dedup/daemon/session.hpp"
#include "dedup/daemon/turns.hpp"

namespace samepage::dedup {

struct ServerConfig {
  wire::Knobs knobs;
  wire::Knobs default_knobs;  // what knobs can be reset to
  /// Keeps knobs that were set for the next daemon; says where, or nothing when it can't.
  std::function<std::string(const wire::Knobs&)> keep_knobs = {};
  std::string kept_in = {};  // where those are that it has begun with; empty: it has the defaults
  /// The server stops its io_context after being without guests and connections for this long.
  std::optional<std::chrono::milliseconds> exit_when_idle;
  /// Strangers are connections that are no guest's: for how long one may be silent, how many a user may have.
  std::chrono::milliseconds stranger_patience = std::chrono::minutes(1);
  std::ptrdiff_t strangers_of_a_user = 256;
  /// Users who could do to the daemon whatever they like anyway: they see everything and have no limits.
  std::set<uid_t> trusted = {0, ::geteuid()};
  /// What each other user may make the daemon hold.
  std::uint64_t user_memory = Account::unlimited;
  std::ptrdiff_t user_guests = 1024;
  DupPolicy dup_policy = {};
  /// Users with this number can't be told apart, see unmapped_uid(): their guests are refused.
  std::optional<uid_t> unmapped_uid = {};
};

class Server final : public SessionHost {
 public:
  Server(boost::asio::io_context& io, ServerConfig config);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Accepts connections on a listening local socket from now on.
  void listen(UniqueFd listening);
  /// Serves one connected socket. `life` becomes readable when the process at the other end is gone; without
  /// it the server gets the peer's pidfd from the kernel. Throws UserError when the user has too many
  /// connections that are no guest's; the peer is told.
  void adopt(UniqueFd socket, UniqueFd life = {});

  /// Whether the kernel is asked what the daemon itself costs: that takes it longer than all the rest.
  enum class Costs : std::uint8_t { counted, left_out };
  /// {"pid", "host": {...}, "users": [...], "guests": [...]}; docs/manual.md explains each figure. `viewer`
  /// sees what belongs to this user alone; without one, everything.
  [[nodiscard]] nlohmann::json statistics(Costs costs = Costs::counted,
                                          std::optional<uid_t> viewer = {}) const;

  // SessionHost
  Membership join(Session& session, const wire::Hello& hello) override;
  void leave(Session& session) override;
  std::string answer(const Session& session, std::string_view question) override;
  void pass_ended(const Session& session) override;
  void closed(Session& session) override;
  void wants_turns(Session& session) override;

 private:
  struct Guest;

  void accept();
  void accept_later();
  void turn_away_without_descriptors();
  void watch(const std::shared_ptr<Guest>& guest);
  void process_gone(const std::shared_ptr<Guest>& guest);
  Domain& domain_named(const std::string& label, uid_t owner);
  void drop_if_empty(const Domain& domain);
  [[nodiscard]] std::shared_ptr<Guest> former_membership(const wire::Hello& hello, const ProcessKey& process,
                                                         const std::string& label) const;
  [[nodiscard]] Membership membership_of(const Guest& guest, UniqueFd store) const;
  Membership rejoin(const std::shared_ptr<Guest>& guest, Session& session);
  [[nodiscard]] bool is_trusted(uid_t uid) const { return config_.trusted.contains(uid); }
  void tune(const Session& session, const nlohmann::json& request);
  [[nodiscard]] std::string_view tracker_in_use(std::optional<uid_t> viewer) const;
  void check_idle();
  void pass_over_silent_donors();
  std::shared_ptr<Account> account_of(uid_t uid);
  void do_in_turns(uid_t user, Turns::Work work);
  void give_turn();
  void settle(const std::string& label);
  void drop_unreferenced(Domain& domain);
  void report_full_accounts();
  [[nodiscard]] nlohmann::json users(std::optional<uid_t> viewer) const;

  boost::asio::io_context& io_;
  ServerConfig config_;
  std::optional<boost::asio::local::stream_protocol::acceptor> acceptor_;
  boost::asio::steady_timer accept_timer_;
  boost::asio::steady_timer idle_timer_;
  boost::asio::steady_timer donor_timer_;
  std::chrono::steady_clock::time_point last_activity_ = std::chrono::steady_clock::now();
  std::uint32_t max_frames_;
  std::map<uid_t, std::weak_ptr<Account>> accounts_;
  std::map<uid_t, std::uint64_t> refusals_;  // a second ago
  std::map<std::string, std::shared_ptr<Domain>> domains_;
  std::set<std::string> settling_;  // domains that have turns coming for what is nobody's message
  Turns turns_;
  bool turn_posted_ = false;
  std::map<const Session*, std::shared_ptr<Session>> sessions_;
  std::map<const Session*, UniqueFd> lives_;  // of sessions that have not said who they are
  std::set<std::shared_ptr<Guest>> guests_;   // until their process is gone
  std::uint64_t full_scans_ = 0;
  // By user, of guests that are gone and of those that are there.
  std::map<uid_t, std::uint64_t> breaks_of_gone_guests_;
  std::map<uid_t, std::uint64_t> stop_max_us_;
  UniqueFd spare_;  // is closed to tell somebody that there are no descriptors left
};

}  // namespace samepage::dedup
