// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/memberships.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>

#include <utility>

#include "base/check.hpp"
#include "base/hand_over.hpp"
#include "base/log.hpp"
#include "dedup/daemon/peer_process.hpp"
#include "dedup/daemon/session.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

// Of a membership: no daemon on this host has given it to anybody else.
std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) check(::getrandom(&number, sizeof(number), 0), "getrandom");
  return number;
}

// The kernel says to which user a guest's domain belongs, not the guest.
std::string label_of(const PeerCredentials& peer, const wire::Hello& hello) {
  return fmt::format("{}:{}", peer.uid, hello.domain);
}

void require(const Refusal& refusal) {
  if (refusal) throw UserError(*refusal);
}

}  // namespace

Memberships::Membership Memberships::join(Session& session, GuestLink& link, const wire::Hello& hello,
                                          UniqueFd pidfd) {
  const PeerCredentials peer = session.peer();
  require(refuse_user(rules_, peer.uid));
  if (!pidfd) pidfd = pidfd_of(session.socket_fd(), peer);
  const ProcessKey process = process_key(pidfd, peer);
  const std::string label = label_of(peer, hello);
  if (Guest* const former = guests_.former(hello, process, label)) return rejoin(*former, session, link);
  Applicant applicant = applicant_of(peer, hello);
  applicant.guests_of_process = guests_.of_process(process);
  applicant.charge = charge_();
  require(refuse_guest(rules_, applicant));
  if (const Refusal refusal = keep_out(rules_, applicant)) throw KeptOut(*refusal);
  return join_anew(session, link, hello, std::move(pidfd), process, label);
}

Applicant Memberships::applicant_of(const PeerCredentials& peer, const wire::Hello& hello) const {
  const GuestTable::UserTotals totals = guests_.totals_of(peer.uid);
  return {.uid = peer.uid,
          .pid = peer.pid,
          .pages = hello.pages,
          .host_pages = max_frames_,
          .guests_of_user = static_cast<std::ptrdiff_t>(totals.guests),
          .label = hello.domain,
          .pages_of_user = totals.pages,
          .domains_of_user = totals.domains.size(),
          .in_domain = totals.domains.contains(label_of(peer, hello))};
}

bool Memberships::is_kept_out(const PeerCredentials& peer, const wire::Hello& hello) const {
  return keep_out(rules_, applicant_of(peer, hello)).has_value();
}

Memberships::Membership Memberships::join_anew(Session& session, GuestLink& link, const wire::Hello& hello,
                                               UniqueFd pidfd, const ProcessKey& process,
                                               const std::string& label) {
  Domain& domain = domains_.named(label, session.peer().uid);
  const std::uint64_t membership = random_number();
  try {
    UniqueFd store = domain.store().open_read_only();
    Guest& guest = guests_.add({.membership = membership,
                                .name = hello.guest,
                                .peer = session.peer(),
                                .process = process,
                                .pages = hello.pages,
                                .domain = label,
                                .first = {},
                                .session = &session});
    watch(membership, std::move(pidfd));
    guest.first = domain.join(hello.pages, link);
    log(LogLevel::info, "guest {} (process {}) joins domain {}", guest.name, guest.peer.pid, label);
    return membership_of(guest, std::move(store));
  } catch (...) {
    pidfds_.erase(membership);
    guests_.remove(membership);
    domains_.drop_if_empty(label);
    throw;
  }
}

// Whether we know already that its former connection has ended or not. What it has said on that one and we
// have not read is void, for it says anew what it maps.
Memberships::Membership Memberships::rejoin(Guest& guest, Session& session, GuestLink& link) {
  UniqueFd store = domain_of(guest).store().open_read_only();
  if (guest.session != nullptr) guest.session->close();
  domain_of(guest).reattach(guest.first, link);
  guest.session = &session;
  log(LogLevel::info, "guest {} (process {}) is back in domain {}", guest.name, guest.peer.pid, guest.domain);
  return membership_of(guest, std::move(store));
}

Memberships::Membership Memberships::membership_of(const Guest& guest, UniqueFd store) const {
  Membership membership;
  membership.domain = &domain_of(guest);
  membership.guest = guest.first;
  membership.max_frames = max_frames_;
  membership.number = guest.membership;
  membership.store = std::move(store);
  return membership;
}

// It goes when its process is gone, or when it turns out to map nothing, of its former sessions either.
void Memberships::disconnect(Session& session) {
  Guest* const guest = guests_.of_session(session);
  if (guest == nullptr) return;
  guest->session = nullptr;
  domain_of(*guest).detach(guest->first);
  domains_.settle(guest->domain);
}

bool Memberships::report(const Session& session, const wire::Report& report) {
  Guest* const guest = guests_.of_session(session);
  if (guest == nullptr) return false;
  guest->reported_at = Clock::now();
  return guests_.report(*guest, report);
}

void Memberships::watch(std::uint64_t membership, UniqueFd pidfd) {
  Pidfd& watched = pidfds_.try_emplace(membership, io_).first->second;
  hand_over(std::move(pidfd), watched);
  wait_for_end(membership, watched);
}

// Asio may call for a descriptor that is not readable: it may have been given the place in its records of
// another one that was closed with news under way.
void Memberships::wait_for_end(std::uint64_t membership, Pidfd& watched) {
  watched.async_wait(Pidfd::wait_read, [this, membership](boost::system::error_code error) {
    const auto found = pidfds_.find(membership);
    if (error || found == pidfds_.end()) return;
    pollfd process{found->second.native_handle(), POLLIN, 0};
    ::poll(&process, 1, 0) > 0 ? end(membership) : wait_for_end(membership, found->second);
  });
}

// Also for a guest whose process lives, but has nothing of ours.
void Memberships::end(std::uint64_t membership) {
  Guest* const guest = guests_.find(membership);
  if (guest == nullptr) return;
  fault_point("guest-gone");
  last_end_ = Clock::now();
  log(LogLevel::info, "guest {} (process {}) leaves domain {}", guest->name, guest->peer.pid, guest->domain);
  if (guest->session != nullptr) guest->session->close();
  const std::string label = guest->domain;
  domain_of(*guest).leave(guest->first);
  pidfds_.erase(membership);
  guests_.remove(membership);
  domains_.settle(label);
}

void Memberships::drop_unreferenced(Domain& domain) {
  for (const PageId first : domain.take_unreferenced()) {
    const Guest* const guest = guests_.at(domain.label(), first);
    if (guest == nullptr || guest->session != nullptr) continue;  // it is back
    end(guest->membership);
  }
}

}  // namespace samepage::dedup
