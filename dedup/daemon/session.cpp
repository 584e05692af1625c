// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>

#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "base/check.hpp"
#include "base/file_figures.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "dedup/daemon/say.hpp"

namespace samepage::dedup {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t staging_slots = 128;  // 512 KiB for a guest while it donates
// A peer that does not read what we say is not listened to either; and what others make us say to it
// meanwhile ends somewhere.
constexpr std::size_t unread_of_a_guest = std::size_t{4} << 20U;
constexpr std::size_t unread_of_a_stranger = std::size_t{16} << 10U;
constexpr std::size_t max_unread = std::size_t{64} << 20U;
// What a member costs whatever it does: its staging area, buffers.
constexpr std::uint64_t bytes_of_a_member = (std::uint64_t{staging_slots} << page_shift) + (64U << 10U);
constexpr std::size_t kept_payload = std::size_t{64} << 10U;

std::string account_is_full(uid_t uid, const Account& account) {
  return fmt::format(
      "user {} has {} of the {} of memory that samepaged keeps for one user; end some guests, or start "
      "samepaged with a higher --user-memory",
      uid, format_size(account.used()), format_size(account.limit()));
}

// For the person who started the guest: what the daemon lacks, and the way out.
std::string why_not_joined(const std::exception& error) {
  if (dynamic_cast<const UserError*>(&error) != nullptr) return error.what();
  const auto* failure = dynamic_cast<const std::system_error*>(&error);
  const std::error_code code = failure == nullptr ? std::error_code() : failure->code();
  if (code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system) {
    return "samepaged has no file descriptors left (three for each guest); end some guests, or start it "
           "with a higher 'ulimit -n'";
  }
  if (code == std::errc::not_enough_memory || dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "samepaged has no memory or address space left for another guest; end some guests, or start it "
           "with a higher 'ulimit -v'";
  }
  return fmt::format("samepaged could not let the guest in: {}", error.what());
}

}  // namespace

Session::Session(Socket socket, PeerCredentials peer, std::shared_ptr<Account> account, SessionHost& host,
                 std::chrono::milliseconds patience)
    : socket_(std::move(socket)),
      peer_(peer),
      account_(std::move(account)),
      host_(host),
      patience_(patience),
      patience_timer_(socket_.get_executor()) {}

Session::~Session() {
  account_->release(charged_);
}

bool Session::charge(std::uint64_t bytes) {
  if (!account_->charge(bytes)) return false;
  charged_ += bytes;
  return true;
}

void Session::release(std::uint64_t bytes) {
  account_->release(bytes);
  charged_ -= bytes;
}

void Session::start() {
  await_word();
  read_next();
}

// Whoever connects and says nothing, or not all of it, would keep a descriptor of ours for ever. A command
// holds a silent connection while its guest starts; that takes no minute.
void Session::await_word() {
  patience_timer_.expires_after(patience_);
  patience_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->closed_ && !self->joined()) self->close();
  });
}

void Session::read_next() {
  reads_ = sending_.size() + queued_.size() <= (joined() ? unread_of_a_guest : unread_of_a_stranger);
  if (!reads_) return;
  // SAFETY: FrameHeader is eight plain bytes.
  asio::async_read(socket_, asio::buffer(&header_, sizeof(header_)),
                   [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                     if (self->closed_) return;
                     // A stranger's messages are short: there is no room to be had with a long one.
                     const std::uint32_t longest =
                         self->joined() ? max_payload : static_cast<std::uint32_t>(wire::max_query);
                     if (error || self->header_.length > longest) return self->close();
                     self->read_payload();
                   });
}

void Session::read_payload() {
  if (!charge(header_.length)) {
    say("a session ends: user {} has all the memory that a user may have", peer_.uid);
    return close();
  }
  try {
    payload_.resize(header_.length);
  } catch (const std::bad_alloc&) {
    return close();
  }
  asio::async_read(
      socket_, asio::buffer(payload_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
        if (self->closed_) return;
        if (error) return self->close();
        self->patience_timer_.cancel();  // it has spoken: that its turn comes late is not its fault
        self->host_.wants_turns(*self);
      });
}

bool Session::work(Turn& turn) {
  if (closed_) return false;
  const Progress progress = handle_safely(turn);
  if (closed_) return false;
  if (progress == Progress::more) return true;
  if (progress == Progress::violation) {
    close();
  } else {
    end_of_message();
  }
  return false;
}

void Session::end_of_message() {
  release(header_.length);
  if (payload_.capacity() > kept_payload) payload_ = std::vector<std::byte>();
  reached_ = {};
  first_list_done_ = false;
  if (joined()) {
    patience_timer_.cancel();
  } else {
    await_word();
  }
  read_next();
}

// Whatever a message makes fail (memory, the store's file) fails for its sender, not for everybody.
Progress Session::handle_safely(Turn& turn) {
  try {
    return handle(static_cast<wire::Type>(header_.type), payload_, turn);
  } catch (const std::exception& error) {
    say("a session ends: {}", error.what());
    return Progress::violation;
  }
}

Progress Session::handle(wire::Type type, std::span<const std::byte> payload, Turn& turn) {
  if (closing_) return Progress::done;  // it was refused; nothing more is listened to
  if (member_.domain == nullptr) return handle_first(type, payload);
  Domain& domain = *member_.domain;
  // Who has his membership back says first what he retains of it.
  const bool settled = domain.settled(member_.guest);
  if ((type == wire::Type::retained) == settled) return Progress::violation;
  const Domain::Ranges ranges(payload);
  Progress progress = Progress::violation;
  switch (type) {
    case wire::Type::retained:
      progress = domain.retained(member_.guest, ranges, reached_, turn);
      break;
    case wire::Type::offer:
    case wire::Type::image:
      progress = domain.offer(
          member_.guest, Domain::Offers(payload),
          type == wire::Type::image ? Merger::FirstSighting::makes_frame : Merger::FirstSighting::noted,
          reached_, turn);
      break;
    case wire::Type::sync:
      // What came before has been carried out, and its answers stand before this one in the outbox.
      if (const auto sync = wire::read_one<wire::Sync>(payload)) {
        progress = Progress::done;
        send(wire::Type::synced, wire::bytes_of(*sync));
      }
      break;
    case wire::Type::donated:
      progress = handle_donated(payload, turn);
      break;
    case wire::Type::merged:
      progress = handle_merged(payload, turn);
      break;
    case wire::Type::broken:
      progress = domain.broken(member_.guest, ranges, reached_, turn);
      break;
    case wire::Type::withdraw:
      progress = domain.withdraw(member_.guest, ranges, reached_, turn);
      break;
    case wire::Type::report:
      if (const auto report = wire::read_one<wire::Report>(payload)) {
        progress = Progress::done;
        report_ = *report;
        host_.pass_ended(*this);
      }
      break;
    default:
      break;
  }
  domain.carry_out();
  return progress;
}

Progress Session::handle_first(wire::Type type, std::span<const std::byte> payload) {
  if (type == wire::Type::hello) return handle_hello(payload);
  if (type != wire::Type::query) {
    refuse("the first message is neither HELLO nor a query");
    return Progress::done;
  }
  try {
    // SAFETY: char may alias any bytes.
    send_reply(host_.answer(*this, {reinterpret_cast<const char*>(payload.data()), payload.size()}));
  } catch (const UserError& error) {
    refuse(error.what());
  }
  return Progress::done;
}

Progress Session::handle_hello(std::span<const std::byte> payload) {
  std::uint32_t start[2] = {};  // magic and version stand first in every version
  if (payload.size() < sizeof(start)) return Progress::violation;
  std::memcpy(start, payload.data(), sizeof(start));
  if (start[0] != wire::magic) return Progress::violation;
  const auto hello = wire::decode_hello(payload);
  if (!hello) {
    refuse(fmt::format(
        "this samepaged speaks version {} of the protocol, the guest's VMM version {}; install both "
        "from the same release",
        wire::version, start[1]));
    return Progress::done;
  }
  if (hello->guest[wire::max_name - 1] != 0 || hello->domain[wire::max_name - 1] != 0 ||
      !wire::is_name(hello->guest) || !wire::is_name(hello->domain) || hello->pages == 0 ||
      hello->pages > wire::max_pages) {
    return Progress::violation;
  }
  try {
    // What can fail comes first: a guest is a member when everything is there, or nothing of it is.
    if (!charge(bytes_of_a_member)) throw UserError(account_is_full(peer_.uid, *account_));
    make_staging_area();
    asked_for_.grow(hello->pages / 64 + 1);
    member_ = host_.join(*this, *hello);
    welcome(std::move(member_.store), hello->version);
  } catch (const std::exception& error) {
    if (joined()) host_.leave(*this);
    member_ = {};
    staging_ = Mapping();
    staging_fd_.reset();
    refuse(why_not_joined(error));
  }
  return Progress::done;
}

void Session::make_staging_area() {
  staging_fd_ = make_staging(staging_slots);
  staging_ = Mapping::shared(staging_fd_.get(), PageCount{staging_slots}.bytes());
  slots_.assign(staging_slots, std::nullopt);
  free_slots_.clear();
  for (std::uint32_t slot = staging_slots; slot-- > 0;) free_slots_.push_back(slot);
}

void Session::welcome(UniqueFd store, std::uint32_t version) {
  wire::Welcome welcome;
  welcome.staging_slots = staging_slots;
  welcome.max_frames = member_.max_frames;
  welcome.knobs = member_.knobs;
  welcome.membership = member_.number;
  welcome.ends_when_idle = member_.ends_when_idle ? 1 : 0;
  welcome.secret = member_.domain->secret();
  const wire::FormerWelcome former{.staging_slots = welcome.staging_slots,
                                   .max_frames = welcome.max_frames,
                                   .knobs = welcome.knobs,
                                   .secret = welcome.secret};
  const auto bytes = version == wire::version ? wire::bytes_of(welcome) : wire::bytes_of(former);
  const std::array<int, 2> fds{store.get(), staging_fd_.get()};
  // Nothing else is under way on this connection yet, so the message fits the socket's buffer.
  if (!send_frame(socket_.native_handle(), static_cast<std::uint32_t>(wire::Type::welcome), bytes, fds)) {
    close();
  }
}

Progress Session::handle_donated(std::span<const std::byte> payload, Turn& turn) {
  const wire::List<wire::Donation> donations(payload);
  if (!donations.whole()) return Progress::violation;
  alignas(page_size) std::array<std::byte, page_size> copy;
  for (; reached_.entry < donations.size(); ++reached_.entry) {
    if (turn.over()) return Progress::more;
    const auto [page, slot] = donations[reached_.entry];
    if (slot >= slots_.size() || slots_[slot] != page) return Progress::violation;
    slots_[slot].reset();
    free_slots_.push_back(slot);
    asked_for_[page.value / 64] &= ~(std::uint64_t{1} << page.value % 64U);
    // The agent can still write the slot: what is hashed and published is our copy.
    std::memcpy(copy.data(), staging_.data() + PageCount{slot}.bytes(), page_size);
    if (member_.domain->donated(member_.guest, page, copy, turn) == Merger::Outcome::violation)
      return Progress::violation;
  }
  flush();
  if (free_slots_.size() == slots_.size()) {
    // Nobody donates: the staging area costs nothing until somebody does.
    ::fallocate(staging_fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                static_cast<off_t>(staging_.size()));
  }
  return Progress::done;
}

Progress Session::handle_merged(std::span<const std::byte> payload, Turn& turn) {
  const auto merged = wire::view_merged(payload);
  if (!merged) return Progress::violation;
  Domain& domain = *member_.domain;
  if (!first_list_done_) {
    const Progress kept = domain.answered(member_.guest, merged->kept, Merger::Answer::kept, reached_, turn);
    if (kept != Progress::done) return kept;
    first_list_done_ = true;
    reached_ = {};
  }
  return domain.answered(member_.guest, merged->refused, Merger::Answer::refused, reached_, turn);
}

void Session::grant(PageIndex page, FrameId frame) {
  wire::append_grant(verdict_.grants, page, frame);
}

void Session::request_donation(PageIndex page) {
  // What it sends is the page as it is then: one donation is as good as two.
  const std::uint64_t bit = std::uint64_t{1} << page.value % 64U;
  std::uint64_t& word = asked_for_[page.value / 64];
  if ((word & bit) == 0) donations_waiting_.push_back(page);
  word |= bit;
}

void Session::flush() {
  while (!donations_waiting_.empty() && !free_slots_.empty()) {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = donations_waiting_.front();
    verdict_.donate.push_back({donations_waiting_.front(), slot});
    donations_waiting_.pop_front();
  }
  const wire::Verdict verdict = std::exchange(verdict_, {});
  const std::span<const wire::Grant> grants(verdict.grants);
  bool donations_said = verdict.donate.empty();  // never more than there are slots
  for (std::size_t first = 0; first < grants.size() || !donations_said; first += wire::max_entries) {
    const auto rest = grants.subspan(std::min(first, grants.size()));
    const auto part = rest.first(std::min(rest.size(), wire::max_entries));
    wire::Verdict message{{part.begin(), part.end()}, {}};
    if (!std::exchange(donations_said, true)) message.donate = verdict.donate;
    send(wire::Type::verdict, wire::encode(message));
  }
}

void Session::send_knobs(const wire::Knobs& knobs) {
  if (member_.domain != nullptr) send(wire::Type::knobs, wire::bytes_of(knobs));
}

// As many messages as it takes: the answer is as long as there are guests.
void Session::send_reply(std::string_view text) {
  for (; text.size() > wire::max_reply_part; text.remove_prefix(wire::max_reply_part)) {
    send(wire::Type::reply_part, std::as_bytes(std::span(text.substr(0, wire::max_reply_part))));
  }
  send(wire::Type::reply, std::as_bytes(std::span(text)));
}

void Session::refuse(std::string_view reason) {
  closing_ = true;
  send(wire::Type::refused, std::as_bytes(std::span(reason)));
}

void Session::send(wire::Type type, std::span<const std::byte> payload) {
  if (closed_) return;
  const FrameHeader header{static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(type)};
  const std::size_t bytes = sizeof(header) + payload.size();
  const bool full = !closing_ && (sending_.size() + queued_.size() + bytes > max_unread || !charge(bytes));
  if (full) {
    // Not here and now: the caller is in the middle of the domain's orders.
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
    return;
  }
  if (closing_) {
    account_->charge_anyway(bytes);
    charged_ += bytes;
  }
  const auto header_bytes = std::as_bytes(std::span(&header, 1));
  queued_.insert(queued_.end(), header_bytes.begin(), header_bytes.end());
  queued_.insert(queued_.end(), payload.begin(), payload.end());
  if (sending_.empty()) write_queued();
}

void Session::write_queued() {
  sending_ = std::exchange(queued_, {});
  asio::async_write(socket_, asio::buffer(sending_),
                    [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                      if (self->closed_) return;
                      if (error) return self->close();
                      self->release(self->sending_.size());
                      self->sending_ = std::vector<std::byte>();
                      if (!self->queued_.empty()) {
                        self->write_queued();
                      } else if (self->closing_) {
                        return self->close();
                      }
                      if (!self->reads_) self->read_next();
                    });
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  patience_timer_.cancel();
  host_.closed(*this);
}

std::uint64_t Session::staging_bytes() const {
  return staging_fd_ ? figures_of_file(staging_fd_.get()).allocated_bytes : 0;
}

}  // namespace samepage::dedup
