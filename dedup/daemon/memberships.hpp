// SPDX-License-Identifier: Apache-2.0
// Guests' memberships, from joining until their process is gone. A guest's references go when the process is
// gone (its pidfd is readable), not when its socket closes: the agent may come back and have its membership
// again. The daemon's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/unique_fd.hpp"
#include "dedup/daemon/admission.hpp"
#include "dedup/daemon/domain_table.hpp"
#include "dedup/daemon/guest_table.hpp"
#include "dedup/daemon/session_host.hpp"

namespace samepage::dedup {

class Memberships {
 public:
  using Clock = std::chrono::steady_clock;
  using Membership = SessionHost::Membership;

  /// `domains` and `rules` must live as long. A domain's frames are numbered below `max_frames`.
  Memberships(boost::asio::io_context& io, DomainTable& domains, const AdmissionRules& rules,
              std::uint32_t max_frames, std::function<CommitCharge()> charge)
      : io_(io), domains_(domains), rules_(rules), max_frames_(max_frames), charge_(std::move(charge)) {}
  Memberships(const Memberships&) = delete;
  Memberships& operator=(const Memberships&) = delete;
  ~Memberships() = default;

  /// The guest at the other end of `session` joins, or has its former membership back; `link` is its domain's
  /// way to it until disconnect(). `pidfd` is its process's; without it the kernel is asked. Throws when it
  /// can't join, KeptOut where that is the policy's doing; then nothing of it is left. Knobs are left to the
  /// caller.
  Membership join(Session& session, GuestLink& link, const wire::Hello& hello, UniqueFd pidfd);
  /// Whether the policy would keep that guest out now.
  [[nodiscard]] bool is_kept_out(const PeerCredentials& peer, const wire::Hello& hello) const;
  /// The session's guest, if it has one, can't be reached any more.
  void disconnect(Session& session);
  /// Takes what the session's agent says of itself. True when a full scan has ended with it.
  [[nodiscard]] bool report(const Session& session, const wire::Report& report);
  /// Guests whose connection is gone, and who map nothing, are gone: nobody waits for the end of their
  /// process.
  void drop_unreferenced(Domain& domain);

  [[nodiscard]] const GuestTable& guests() const { return guests_; }
  /// When a membership ended last.
  [[nodiscard]] Clock::time_point last_end() const { return last_end_; }

 private:
  using Pidfd = boost::asio::posix::stream_descriptor;

  Membership join_anew(Session& session, GuestLink& link, const wire::Hello& hello, UniqueFd pidfd,
                       const ProcessKey& process, const std::string& label);
  Membership rejoin(Guest& guest, Session& session, GuestLink& link);
  [[nodiscard]] Membership membership_of(const Guest& guest, UniqueFd store) const;
  [[nodiscard]] Domain& domain_of(const Guest& guest) const { return domains_.at(guest.domain); }
  /// What the policy goes by, and a part of what the other rules do.
  [[nodiscard]] Applicant applicant_of(const PeerCredentials& peer, const wire::Hello& hello) const;
  void watch(std::uint64_t membership, UniqueFd pidfd);
  void wait_for_end(std::uint64_t membership, Pidfd& watched);
  void end(std::uint64_t membership);

  boost::asio::io_context& io_;
  DomainTable& domains_;
  const AdmissionRules& rules_;
  std::uint32_t max_frames_;
  std::function<CommitCharge()> charge_;
  GuestTable guests_;
  std::map<std::uint64_t, Pidfd> pidfds_;  // by membership
  Clock::time_point last_end_;
};

}  // namespace samepage::dedup
