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
#include "base/types.hpp"

namespace samepage::dedup {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t staging_slots = 128;                     // 512 KiB for a guest while it donates
constexpr std::size_t max_outbox_bytes = std::size_t{64} << 20;  // a peer that does not read is cut off

// For the person who started the guest: what the daemon lacks, and the way out.
std::string why_not_joined(const std::exception& error) {
  if (dynamic_cast<const UserError*>(&error) != nullptr) return error.what();
  const auto* failure = dynamic_cast<const std::system_error*>(&error);
  const std::error_code code = failure == nullptr ? std::error_code() : failure->code();
  if (code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system) {
    return "samepaged has no file descriptors left (three for each guest); end some guests, or start it with "
           "a "
           "higher 'ulimit -n'";
  }
  if (code == std::errc::not_enough_memory || dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "samepaged has no memory or address space left for another guest; end some guests, or start it "
           "with "
           "a higher 'ulimit -v'";
  }
  return fmt::format("samepaged could not let the guest in: {}", error.what());
}

}  // namespace

Session::Session(Socket socket, PeerCredentials peer, SessionHost& host, std::chrono::milliseconds patience)
    : socket_(std::move(socket)),
      peer_(peer),
      host_(host),
      patience_(patience),
      patience_timer_(socket_.get_executor()) {}

void Session::start() {
  await_word();
  read_header();
}

// Whoever connects and says nothing, or not all of it, would keep a descriptor of ours for ever. A command
// holds a silent connection while its guest starts; that takes no minute.
void Session::await_word() {
  patience_timer_.expires_after(patience_);
  patience_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->closed_ && !self->joined()) self->close();
  });
}

void Session::read_header() {
  // SAFETY: FrameHeader is eight plain bytes.
  asio::async_read(socket_, asio::buffer(&header_, sizeof(header_)),
                   [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                     if (self->closed_) return;
                     if (error || self->header_.length > max_payload) return self->close();
                     self->read_payload();
                   });
}

void Session::read_payload() {
  payload_.resize(header_.length);
  asio::async_read(socket_, asio::buffer(payload_),
                   [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                     if (self->closed_) return;
                     if (error) return self->close();
                     const bool welcome = self->handle_safely();
                     if (self->closed_) return;
                     if (!welcome) return self->close();
                     if (self->joined()) {
                       self->patience_timer_.cancel();
                     } else {
                       self->await_word();
                     }
                     self->read_header();
                   });
}

// Whatever a message makes fail (memory, the store's file) fails for its sender, not for everybody.
bool Session::handle_safely() {
  try {
    return handle(static_cast<wire::Type>(header_.type), payload_);
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepaged: a session ends: {}\n", error.what());
    return false;
  }
}

bool Session::handle(wire::Type type, std::span<const std::byte> payload) {
  if (closing_) return true;  // it was refused; nothing more is listened to
  if (member_.domain == nullptr) return handle_first(type, payload);
  const auto ranges = [&] { return wire::read_many<wire::PageRange>(payload); };
  Domain& domain = *member_.domain;
  bool fine = false;
  // Who has his membership back says first what he retains of it.
  if ((type == wire::Type::retained) == domain.settled(member_.guest)) return false;
  switch (type) {
    case wire::Type::retained:
      if (const auto pages = ranges()) fine = domain.retained(member_.guest, *pages) == Merger::Outcome::done;
      break;
    case wire::Type::offer:
      fine = handle_offer(payload, Merger::FirstSighting::noted);
      break;
    case wire::Type::image:
      fine = handle_offer(payload, Merger::FirstSighting::makes_frame);
      break;
    case wire::Type::sync:
      // What came before has been carried out, and its answers stand before this one in the outbox.
      if (const auto sync = wire::read_one<wire::Sync>(payload)) {
        fine = true;
        send(wire::Type::synced, wire::bytes_of(*sync));
      }
      break;
    case wire::Type::donated:
      fine = handle_donated(payload);
      break;
    case wire::Type::merged:
      fine = handle_merged(payload);
      break;
    case wire::Type::broken:
      if (const auto pages = ranges()) fine = domain.broken(member_.guest, *pages) == Merger::Outcome::done;
      break;
    case wire::Type::withdraw:
      if (const auto pages = ranges()) fine = domain.withdraw(member_.guest, *pages) == Merger::Outcome::done;
      break;
    case wire::Type::report:
      if (const auto report = wire::read_one<wire::Report>(payload)) {
        fine = true;
        report_ = *report;
        host_.pass_ended(*this);
      }
      break;
    default:
      break;
  }
  domain.carry_out();
  return fine;
}

bool Session::handle_first(wire::Type type, std::span<const std::byte> payload) {
  if (type == wire::Type::hello) return handle_hello(payload);
  if (type != wire::Type::query) {
    refuse("the first message is neither HELLO nor a query");
    return true;
  }
  if (payload.size() > wire::max_query) return false;
  try {
    // SAFETY: char may alias any bytes.
    const std::string reply =
        host_.answer(*this, {reinterpret_cast<const char*>(payload.data()), payload.size()});
    send_reply(reply);
  } catch (const UserError& error) {
    refuse(error.what());
  }
  return true;
}

bool Session::handle_hello(std::span<const std::byte> payload) {
  std::uint32_t start[2] = {};  // magic and version stand first in every version
  if (payload.size() < sizeof(start)) return false;
  std::memcpy(start, payload.data(), sizeof(start));
  if (start[0] != wire::magic) return false;
  const auto hello = wire::read_one<wire::Hello>(payload);
  if (start[1] != wire::version || !hello) {
    refuse(fmt::format(
        "this samepaged speaks version {} of the protocol, the guest's VMM version {}; install both "
        "from the same release",
        wire::version, start[1]));
    return true;
  }
  if (hello->guest[wire::max_name - 1] != 0 || hello->domain[wire::max_name - 1] != 0 ||
      !wire::is_name(hello->guest) || !wire::is_name(hello->domain) || hello->pages == 0 ||
      hello->pages > wire::max_pages) {
    return false;
  }
  try {
    // What can fail comes first: a guest is a member when everything is there, or nothing of it is.
    make_staging_area();
    member_ = host_.join(*this, *hello);
    welcome(std::move(member_.store));
  } catch (const std::exception& error) {
    if (joined()) host_.leave(*this);
    member_ = {};
    staging_ = Mapping();
    staging_fd_.reset();
    refuse(why_not_joined(error));
  }
  return true;
}

void Session::make_staging_area() {
  staging_fd_ = make_staging(staging_slots);
  staging_ = Mapping::shared(staging_fd_.get(), PageCount{staging_slots}.bytes());
  slots_.assign(staging_slots, std::nullopt);
  free_slots_.clear();
  for (std::uint32_t slot = staging_slots; slot-- > 0;) free_slots_.push_back(slot);
}

void Session::welcome(UniqueFd store) {
  wire::Welcome welcome;
  welcome.staging_slots = staging_slots;
  welcome.max_frames = member_.max_frames;
  welcome.knobs = member_.knobs;
  welcome.membership = member_.number;
  welcome.ends_when_idle = member_.ends_when_idle ? 1 : 0;
  welcome.secret = member_.domain->secret();
  const std::array<int, 2> fds{store.get(), staging_fd_.get()};
  // Nothing else is under way on this connection yet, so the message fits the socket's buffer.
  if (!send_frame(socket_.native_handle(), static_cast<std::uint32_t>(wire::Type::welcome),
                  wire::bytes_of(welcome), fds)) {
    close();
  }
}

bool Session::handle_offer(std::span<const std::byte> payload, Merger::FirstSighting first) {
  const auto offers = wire::read_many<wire::Offer>(payload);
  return offers && offers->size() <= wire::max_offers &&
         member_.domain->offer(member_.guest, *offers, first) == Merger::Outcome::done;
}

bool Session::handle_donated(std::span<const std::byte> payload) {
  const auto donations = wire::read_many<wire::Donation>(payload);
  if (!donations) return false;
  alignas(page_size) std::array<std::byte, page_size> copy;
  for (const auto [page, slot] : *donations) {
    if (slot >= slots_.size() || slots_[slot] != page) return false;
    slots_[slot].reset();
    free_slots_.push_back(slot);
    // The agent can still write the slot: what is hashed and published is our copy.
    std::memcpy(copy.data(), staging_.data() + PageCount{slot}.bytes(), page_size);
    if (member_.domain->donated(member_.guest, page, copy) == Merger::Outcome::violation) return false;
  }
  flush();
  if (free_slots_.size() == slots_.size()) {
    // Nobody donates: the staging area costs nothing until somebody does.
    ::fallocate(staging_fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                static_cast<off_t>(staging_.size()));
  }
  return true;
}

bool Session::handle_merged(std::span<const std::byte> payload) {
  const auto merged = wire::decode_merged(payload);
  if (!merged) return false;
  Domain& domain = *member_.domain;
  return domain.answered(member_.guest, merged->kept, Merger::Answer::kept) == Merger::Outcome::done &&
         domain.answered(member_.guest, merged->refused, Merger::Answer::refused) == Merger::Outcome::done;
}

void Session::grant(std::uint32_t page, FrameId frame) {
  wire::append_grant(verdict_.grants, page, frame.value);
}

void Session::request_donation(std::uint32_t page) {
  donations_waiting_.push_back(page);
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
  send(wire::Type::refused, std::as_bytes(std::span(reason)));
  closing_ = true;
}

void Session::send(wire::Type type, std::span<const std::byte> payload) {
  if (closed_) return;
  const FrameHeader header{static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(type)};
  std::vector<std::byte> message(sizeof(header) + payload.size());
  std::memcpy(message.data(), &header, sizeof(header));
  if (!payload.empty()) std::memcpy(message.data() + sizeof(header), payload.data(), payload.size());
  outbox_bytes_ += message.size();
  outbox_.push_back(std::move(message));
  if (outbox_bytes_ > max_outbox_bytes) {
    // Not here and now: the caller is in the middle of the domain's orders.
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
  } else if (outbox_.size() == 1) {
    write_next();
  }
}

void Session::write_next() {
  asio::async_write(socket_, asio::buffer(outbox_.front()),
                    [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                      if (self->closed_) return;
                      if (error) return self->close();
                      self->outbox_bytes_ -= self->outbox_.front().size();
                      self->outbox_.pop_front();
                      if (!self->outbox_.empty()) return self->write_next();
                      if (self->closing_) self->close();
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
  return staging_fd_ ? allocated_bytes(staging_fd_.get()) : 0;
}

}  // namespace samepage::dedup
