// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/process_memory.hpp"
#include "base/units.hpp"
#include "dedup/daemon/peer_process.hpp"
#include "dedup/daemon/say.hpp"
#include "dedup/json_text.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

// Gives the descriptor to Asio, which does not take it when it fails.
template <typename AsioObject, typename... Protocol>
void hand_over(UniqueFd fd, AsioObject& to, Protocol... protocol) {
  to.assign(protocol..., fd.get());
  static_cast<void>(fd.release());
}

// The peer of a connection that we don't keep. It may hear it or not; we don't wait.
void tell_refusal(const UniqueFd& socket, std::string_view reason) {
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  try {
    static_cast<void>(send_frame(socket.get(), static_cast<std::uint32_t>(wire::Type::refused), reason));
  } catch (const std::system_error&) {
  }
}

UniqueFd spare_descriptor() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// What the kernel keeps for one mapping: struct vm_area_struct and its place in the maple tree.
constexpr std::uint64_t vma_bytes = 256;

// Memberships of one process that does not take its former one over: what it mapped stays counted each time.
constexpr std::ptrdiff_t max_guests_of_a_process = 16;

// Of a membership: no daemon on this host has given it to anybody else.
std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) check(::getrandom(&number, sizeof(number), 0), "getrandom");
  return number;
}

}  // namespace

/// One guest, from its HELLO until its process is gone; its agent may lose us and come back in between.
struct Server::Guest {
  std::uint64_t membership = 0;
  std::string name;
  PeerCredentials peer;
  ProcessKey process;
  std::uint32_t pages = 0;
  Domain* domain = nullptr;
  PageId first;
  Session* session = nullptr;  // null when the connection is gone
  asio::posix::stream_descriptor life;
  bool passed = false;  // since full_scans_ was counted up
  std::uint64_t passes = 0;
  std::uint64_t breaks = 0;  // by its last report, once the connection is gone
};

Server::Server(asio::io_context& io, ServerConfig config)
    : io_(io),
      config_(std::move(config)),
      accept_timer_(io),
      idle_timer_(io),
      donor_timer_(io),
      max_frames_(static_cast<std::uint32_t>(
          std::min<std::uint64_t>(pages_in(host_memory("MemTotal")).value, FrameRefs::max_frames))),
      spare_(spare_descriptor()) {
  if (config_.exit_when_idle) check_idle();
  pass_over_silent_donors();
}

Server::~Server() = default;

void Server::listen(UniqueFd listening) {
  acceptor_.emplace(io_, asio::local::stream_protocol(), listening.release());
  accept();
}

void Server::accept() {
  acceptor_->async_accept([this](boost::system::error_code error, Session::Socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      // No descriptor or memory: trying at once would only keep the processor busy.
      if (error == asio::error::no_descriptors) turn_away_without_descriptors();
      return accept_later();
    }
    try {
      adopt(UniqueFd(socket.release()));
    } catch (const std::exception& problem) {
      say("a connection is turned away: {}", problem.what());
    }
    accept();
  });
}

void Server::accept_later() {
  accept_timer_.expires_after(std::chrono::milliseconds(100));
  accept_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) accept();
  });
}

// Who connects while there are no descriptors left hears so, instead of nothing until he gives up.
void Server::turn_away_without_descriptors() {
  spare_.reset();
  const UniqueFd socket(::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket) {
    tell_refusal(socket,
                 "samepaged has no file descriptors left; end some guests, or start it with a higher "
                 "'ulimit -n'");
  }
  spare_ = spare_descriptor();
}

void Server::adopt(UniqueFd socket, UniqueFd life) {
  const PeerCredentials peer = peer_of(socket.get());
  const auto strangers = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return !entry.second->joined() && entry.second->peer().uid == peer.uid;
  });
  if (strangers >= config_.strangers_of_a_user) {
    const std::string reason =
        fmt::format("user {} has {} connections that are no guest's; end the processes that hold them",
                    peer.uid, strangers);
    tell_refusal(socket, reason);
    throw UserError(reason);
  }
  Session::Socket connection(io_);
  hand_over(std::move(socket), connection, asio::local::stream_protocol());
  auto session = std::make_shared<Session>(std::move(connection), peer, account_of(peer.uid), *this,
                                           config_.stranger_patience);
  sessions_.emplace(session.get(), session);
  try {
    if (life) lives_.emplace(session.get(), std::move(life));
    session->start();
  } catch (...) {
    lives_.erase(session.get());
    sessions_.erase(session.get());
    throw;
  }
}

SessionHost::Membership Server::join(Session& session, const wire::Hello& hello) {
  const PeerCredentials peer = session.peer();
  if (peer.uid == config_.unmapped_uid) {
    throw UserError(fmt::format(
        "samepaged runs in a user namespace that does not tell your user from others (all are {}); "
        "run a daemon of your own: name a socket of yours with SAMEPAGE_SOCKET",
        peer.uid));
  }
  UniqueFd life =
      lives_.contains(&session) ? std::move(lives_.at(&session)) : pidfd_of(session.socket_fd(), peer);
  const ProcessKey process = process_key(life, peer);
  // Who a guest's domain belongs to is not for the guest to say.
  const std::string label = fmt::format("{}:{}", peer.uid, hello.domain);
  if (const auto former = former_membership(hello, process, label)) return rejoin(former, session);
  const auto of_peer = std::count_if(guests_.begin(), guests_.end(),
                                     [&](const auto& guest) { return guest->process == process; });
  if (of_peer >= max_guests_of_a_process) {
    throw UserError(fmt::format("process {} has joined {} times; end it", peer.pid, of_peer));
  }
  const auto of_user = std::count_if(guests_.begin(), guests_.end(),
                                     [&](const auto& guest) { return guest->peer.uid == peer.uid; });
  if (!is_trusted(peer.uid) && of_user >= config_.user_guests) {
    throw UserError(fmt::format(
        "user {} has {} guests, as many as samepaged lets one user have; end some, or start it with "
        "more --user-guests",
        peer.uid, of_user));
  }
  if (hello.pages > max_frames_)
    throw UserError("the guest has more memory than the host; give it less with --mem");
  Domain& domain = domain_named(label, peer.uid);
  std::shared_ptr<Guest> guest;
  try {
    UniqueFd store = domain.store().open_read_only();
    guest = std::make_shared<Guest>(Guest{random_number(),
                                          hello.guest,
                                          peer,
                                          process,
                                          hello.pages,
                                          &domain,
                                          {},
                                          &session,
                                          asio::posix::stream_descriptor(io_)});
    hand_over(std::move(life), guest->life);
    watch(guest);
    guests_.insert(guest);
    guest->first = domain.join(hello.pages, session);
    return membership_of(*guest, std::move(store));
  } catch (...) {
    if (guest) guest->life.close();
    guests_.erase(guest);
    drop_if_empty(domain);
    throw;
  }
}

SessionHost::Membership Server::membership_of(const Guest& guest, UniqueFd store) const {
  return {guest.domain,    guest.first,      config_.knobs,
          max_frames_,     guest.membership, config_.exit_when_idle.has_value(),
          std::move(store)};
}

// The same process that names its former membership, which nobody else can know of: it has it back, whether
// we know already that its connection has ended or not. What it has said on that one and we have not read is
// void, for it says anew what it maps.
std::shared_ptr<Server::Guest> Server::former_membership(const wire::Hello& hello, const ProcessKey& process,
                                                         const std::string& label) const {
  if (hello.former_membership == 0) return {};
  const auto former = std::find_if(guests_.begin(), guests_.end(), [&](const auto& guest) {
    return guest->membership == hello.former_membership && guest->process == process &&
           guest->domain->label() == label && guest->pages == hello.pages;
  });
  return former == guests_.end() ? nullptr : *former;
}

SessionHost::Membership Server::rejoin(const std::shared_ptr<Guest>& guest, Session& session) {
  UniqueFd store = guest->domain->store().open_read_only();
  if (guest->session != nullptr) guest->session->close();
  breaks_of_gone_guests_[guest->peer.uid] -= std::exchange(guest->breaks, 0);  // its reports go on counting
  guest->domain->reattach(guest->first, session);
  guest->session = &session;
  return membership_of(*guest, std::move(store));
}

void Server::leave(Session& session) {
  const auto guest = std::find_if(guests_.begin(), guests_.end(),
                                  [&](const auto& member) { return member->session == &session; });
  if (guest == guests_.end()) return;
  const std::shared_ptr<Guest> gone = *guest;
  gone->session = nullptr;
  gone->domain->detach(gone->first);
  settle(gone->domain->label());  // it goes when it turns out to map nothing, of its former session either
}

// Only a domain that is complete is in the map.
Domain& Server::domain_named(const std::string& label, uid_t owner) {
  const auto known = domains_.find(label);
  if (known != domains_.end()) return *known->second;
  auto made = std::make_shared<Domain>(label, owner, account_of(owner), max_frames_, config_.dup_policy);
  return *domains_.emplace(label, std::move(made)).first->second;
}

void Server::drop_if_empty(const Domain& domain) {
  // One of the same label may have been made since, and what is settling is looked at again when it has.
  const auto known = domains_.find(std::string(domain.label()));
  const bool settling = settling_.contains(std::string(domain.label()));
  if (known != domains_.end() && known->second.get() == &domain && domain.empty() && !settling)
    domains_.erase(known);
}

void Server::watch(const std::shared_ptr<Guest>& guest) {
  guest->life.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this, guest](boost::system::error_code error) {
                           if (!error) process_gone(guest);
                         });
}

// Also for a guest whose process lives, but has nothing of ours.
void Server::process_gone(const std::shared_ptr<Guest>& guest) {
  if (!guests_.contains(guest)) return;
  last_activity_ = std::chrono::steady_clock::now();
  if (guest->session != nullptr) guest->session->close();
  guest->domain->leave(guest->first);
  guests_.erase(guest);
  settle(guest->domain->label());
}

void Server::closed(Session& session) {
  for (const auto& guest : guests_) {
    if (guest->session != &session) continue;
    guest->breaks = session.report().breaks;
    breaks_of_gone_guests_[guest->peer.uid] += guest->breaks;
    guest->session = nullptr;
    guest->domain->detach(guest->first);
    settle(guest->domain->label());
  }
  lives_.erase(&session);
  last_activity_ = std::chrono::steady_clock::now();
  // The session may be in one of its own functions: let it come to an end first.
  asio::post(io_, [this, kept = session.shared_from_this()] { sessions_.erase(kept.get()); });
}

// Guests whose connection is gone, and who map nothing: nobody waits for the end of their process.
void Server::drop_unreferenced(Domain& domain) {
  for (const PageId first : domain.take_unreferenced()) {
    const auto guest = std::find_if(guests_.begin(), guests_.end(), [&](const auto& member) {
      return member->domain == &domain && member->first == first;
    });
    if (guest == guests_.end() || (*guest)->session != nullptr) continue;  // it is back
    const std::shared_ptr<Guest> gone = *guest;
    gone->life.cancel();
    process_gone(gone);
  }
}

void Server::pass_ended(const Session& session) {
  bool all = true;
  for (const auto& guest : guests_) {
    // While merging is off an agent reports without having looked at all of the guest.
    if (guest->session == &session && session.report().passes > guest->passes) {
      guest->passes = session.report().passes;
      guest->passed = true;
    }
    all = all && (guest->passed || guest->session == nullptr);
  }
  std::uint64_t& stop_max = stop_max_us_[session.peer().uid];
  stop_max = std::max(stop_max, session.report().stop_max_us);
  if (!all) return;
  ++full_scans_;
  for (const auto& guest : guests_) guest->passed = false;
  for (const auto& [label, domain] : domains_) {
    domain->trim();
    if (domain->busy()) settle(label);
  }
}

std::string Server::answer(const Session& session, std::string_view question) {
  const json request = json::parse(question, nullptr, false);
  const auto asked = request.is_object() ? request.find("do") : request.end();
  const std::string what =
      asked != request.end() && asked->is_string() ? asked->get<std::string>() : std::string();
  if (what == "stat" || what == "counts") {
    const uid_t uid = session.peer().uid;
    return json_text(statistics(what == "stat" ? Costs::counted : Costs::left_out,
                                is_trusted(uid) ? std::nullopt : std::optional(uid)));
  }
  if (what == "tune") {
    tune(session, request);
    json answer{{"knobs", json::object()}, {"defaults", json::object()}, {"kept_in", config_.kept_in}};
    for (const KnobDescription& knob : knob_descriptions()) {
      answer["knobs"][std::string(knob.name)] = knob_text(config_.knobs, knob);
      answer["defaults"][std::string(knob.name)] = knob_text(config_.default_knobs, knob);
    }
    return json_text(answer);
  }
  throw UserError(
      "the daemon knows the questions stat, counts and tune; install samepage and samepaged from the same "
      "release");
}

void Server::tune(const Session& session, const json& request) {
  if (request.size() == 1) return;
  if (!is_trusted(session.peer().uid)) {
    throw UserError("only the daemon's own user and root may set knobs");
  }
  const bool reset = request.value("reset", json()) == json(true);
  wire::Knobs knobs = reset ? config_.default_knobs : config_.knobs;
  for (const auto& [name, value] : request.items()) {
    if (name == "do" || name == "reset") continue;
    if (!value.is_string()) throw UserError("knobs are set with text, such as {\"interval\": \"50ms\"}");
    set_knob(knobs, name, value.get_ref<const std::string&>());
  }
  config_.knobs = knobs;
  config_.kept_in = config_.keep_knobs ? config_.keep_knobs(knobs) : std::string();
  for (const auto& [key, other] : sessions_) other->send_knobs(knobs);
}

json Server::statistics(Costs costs, std::optional<uid_t> viewer) const {
  const auto shown = [&](uid_t uid) { return !viewer || uid == *viewer; };
  SharingCounts counts;
  std::uint64_t books = 0, store = 0;
  json stores = json::array();
  for (const auto& [label, domain] : domains_) {
    if (!shown(domain->owner())) continue;
    const SharingCounts& more = domain->merger().counts();
    counts.pages_shared += more.pages_shared;
    counts.pages_merged += more.pages_merged;
    counts.pages_unshared += more.pages_unshared;
    counts.pages_pending += more.pages_pending;
    counts.frame_dups += more.frame_dups;
    books += domain->merger().memory_bytes();
    const std::uint64_t allocated = domain->store().allocated_bytes();
    store += allocated;
    stores.push_back({{"inode", domain->store().inode()}, {"allocated_bytes", allocated}});
  }
  wire::Report sum;
  std::uint64_t staging = 0;
  json guests = json::array();
  for (const auto& guest : guests_) {
    if (!shown(guest->peer.uid)) continue;
    if (guest->session != nullptr) {
      const wire::Report& report = guest->session->report();
      sum.breaks += report.breaks;
      sum.zero_pages += report.zero_pages;
      sum.volatile_pages += report.volatile_pages;
      sum.vmas += report.vmas;
      sum.agent_bytes += report.agent_bytes;
      sum.failed_merges += report.failed_merges;
      staging += guest->session->staging_bytes();
    }
    guests.push_back({{"name", guest->name}, {"pid", guest->peer.pid}, {"domain", guest->domain->label()}});
  }
  std::uint64_t stop_max = 0;
  for (const auto& [uid, breaks] : breaks_of_gone_guests_) sum.breaks += shown(uid) ? breaks : 0;
  for (const auto& [uid, longest] : stop_max_us_) stop_max = std::max(stop_max, shown(uid) ? longest : 0);
  const std::uint64_t sharing = counts.pages_merged - std::min(counts.pages_merged, counts.pages_shared);
  // What the daemon itself costs can't be divided among users; each one's part of it is nearly all books.
  const std::uint64_t daemon = viewer ? books : costs == Costs::counted ? own_memory().pss_anon : 0;
  return {{"pid", ::getpid()},
          {"guests", guests},
          {"users", users(viewer)},
          {"host",
           {{"pages_shared", counts.pages_shared},
            {"pages_sharing", sharing},
            {"pages_unshared", counts.pages_unshared},
            {"pages_volatile", sum.volatile_pages},
            {"pages_pending", counts.pages_pending},
            {"frame_dups", counts.frame_dups},
            {"zero_pages", sum.zero_pages},
            {"full_scans", full_scans_},
            {"breaks", sum.breaks},
            {"failed_merges", sum.failed_merges},
            {"saved_bytes", PageCount{sharing + sum.zero_pages}.bytes()},
            {"overhead_bytes", daemon + staging + sum.agent_bytes + sum.vmas * vma_bytes},
            {"books_bytes", books},
            {"agents_bytes", sum.agent_bytes},
            {"vmas", sum.vmas},
            {"store_bytes", store},
            {"stores", stores},
            {"staging_bytes", staging},
            {"daemon_pss_anon_bytes", daemon},
            {"stop_max_us", stop_max},
            {"tracker", tracker_in_use(viewer)}}}};
}

// What each user makes us hold, and may.
json Server::users(std::optional<uid_t> viewer) const {
  json users = json::array();
  for (const auto& [uid, entry] : accounts_) {
    const auto account = entry.lock();
    if (!account || (viewer && uid != *viewer)) continue;
    users.push_back({{"uid", uid},
                     {"bytes", account->used()},
                     {"limit_bytes", is_trusted(uid) ? json(nullptr) : json(account->limit())},
                     {"refusals", account->refusals()}});
  }
  return users;
}

// Nobody is told that a page was not merged for want of room: whoever runs the daemon reads it here, once.
void Server::report_full_accounts() {
  std::map<uid_t, std::uint64_t> now;
  for (const auto& [uid, entry] : accounts_) {
    const auto account = entry.lock();
    if (!account || account->refusals() == 0) continue;
    now[uid] = account->refusals();
    if (refusals_.contains(uid)) continue;
    say("user {} has {} of {} that a user may have: further pages of theirs are not merged; start samepaged "
        "with a higher --user-memory to allow more",
        uid, format_size(account->used()), format_size(account->limit()));
  }
  refusals_ = std::move(now);
}

// How the guests' agents find written pages, as of their last reports.
std::string_view Server::tracker_in_use(std::optional<uid_t> viewer) const {
  bool writes = false, digests = false;
  for (const auto& guest : guests_) {
    if (viewer && guest->peer.uid != *viewer) continue;
    if (guest->session == nullptr || guest->session->report().passes == 0) continue;
    (guest->session->report().tracks_writes != 0 ? writes : digests) = true;
  }
  if (writes && digests) return "mixed";
  if (writes) return "write-protection";
  return digests ? "rehash" : "none";
}

void Server::pass_over_silent_donors() {
  for (const auto& [label, domain] : domains_) {
    domain->pass_over_silent_donors();
    if (domain->busy()) settle(label);
  }
  report_full_accounts();
  donor_timer_.expires_after(std::chrono::seconds(1));
  donor_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) pass_over_silent_donors();
  });
}

void Server::wants_turns(Session& session) {
  do_in_turns(session.peer().uid, [this, session = session.shared_from_this()](Turn& turn) {
    const bool more = session->work(turn);
    const Domain* domain = session->domain();
    if (domain != nullptr && domain->busy()) settle(domain->label());
    return more;
  });
}

// What takes a domain more than a turn is work of its owner's.
void Server::settle(const std::string& label) {
  const auto found = domains_.find(label);
  if (found == domains_.end() || !settling_.insert(label).second) return;
  do_in_turns(found->second->owner(), [this, domain = found->second](Turn& turn) {
    try {
      const bool done = domain->go_on(turn);
      drop_unreferenced(*domain);
      if (!done || domain->busy()) return true;
    } catch (...) {
      settling_.erase(domain->label());  // it is tried again in a second
      throw;
    }
    settling_.erase(domain->label());
    drop_if_empty(*domain);
    return false;
  });
}

void Server::do_in_turns(uid_t user, Turns::Work work) {
  turns_.add(user, std::move(work));
  if (!std::exchange(turn_posted_, true)) asio::post(io_, [this] { give_turn(); });
}

// One turn, then whatever else has come in: messages are read between turns.
void Server::give_turn() {
  try {
    turns_.give_one();
  } catch (const std::exception& error) {
    say("something is left undone: {}", error.what());
  }
  turn_posted_ = turns_.any();
  if (turn_posted_) asio::post(io_, [this] { give_turn(); });
}

std::shared_ptr<Account> Server::account_of(uid_t uid) {
  std::erase_if(accounts_, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Account> account = accounts_[uid].lock();
  if (!account) {
    account = std::make_shared<Account>(is_trusted(uid) ? Account::unlimited : config_.user_memory);
    accounts_[uid] = account;
  }
  return account;
}

void Server::check_idle() {
  const auto idle = std::chrono::steady_clock::now() - last_activity_;
  if (guests_.empty() && sessions_.empty() && idle >= *config_.exit_when_idle) return io_.stop();
  idle_timer_.expires_after(*config_.exit_when_idle / 4);
  idle_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) check_idle();
  });
}

}  // namespace samepage::dedup
