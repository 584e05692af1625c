// SPDX-License-Identifier: Apache-2.0
// What a peer is sent: as much at once as its socket takes, with descriptors between two messages.
#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "dedup/daemon/session.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {

namespace asio = boost::asio;

// Between two messages, when all that was said before has been sent: a descriptor goes with the first byte.
void Session::tell_of_paging_files() {
  if (!joined() || closed_ || !member_->takes_slots()) return;
  for (OpenSlots& file : member_->domain()->open_slots(*member_)) {
    member_->told_of(file.message.file);
    paging_files_.push_back(std::move(file));
  }
  if (outbox_.idle()) send_paging_files();
}

void Session::leave_paging_file(unsigned file) {
  if (!joined() || !member_->has_file(file)) return;
  // What it has not been sent yet tells it at once.
  const auto waits = std::find_if(paging_files_.begin(), paging_files_.end(),
                                  [&](const OpenSlots& waiting) { return waiting.message.file == file; });
  if (waits != paging_files_.end()) {
    waits->message.leaving = 1;
  } else {
    send(wire::Type::paging_file, wire::bytes_of(wire::PagingFile{.file = file, .leaving = 1}));
  }
}

void Session::forget_paging_file(unsigned file) {
  if (member_) member_->forget_file(file);
  std::erase_if(paging_files_, [&](const OpenSlots& waiting) { return waiting.message.file == file; });
}

void Session::send_paging_files() {
  while (!closed_ && !paging_files_.empty()) {
    const auto& [message, slots] = paging_files_.front();
    const std::array<int, 1> descriptor{slots.get()};
    fault_point(FaultIn::daemon, FaultMoment::sends, wire::Type::paging_file);
    switch (try_send_message(socket_.native_handle(), static_cast<std::uint32_t>(wire::Type::paging_file),
                             wire::bytes_of(message), descriptor)) {
      case Sent::gone:
        return close();
      case Sent::later:
        if (waits_for_room_) return;
        waits_for_room_ = true;
        return socket_.async_wait(Socket::wait_write,
                                  [self = shared_from_this()](boost::system::error_code error) {
                                    self->waits_for_room_ = false;
                                    if (error || self->closed_) return;
                                    if (self->outbox_.idle()) self->send_paging_files();
                                  });
      case Sent::whole:
        fault_point(FaultIn::daemon, FaultMoment::sent, wire::Type::paging_file);
        paging_files_.pop_front();
    }
  }
  if (outbox_.ready()) write_queued();
}

void Session::send_knobs(const wire::Knobs& knobs) {
  if (joined()) send(wire::Type::knobs, wire::bytes_of(knobs));
}

void Session::send_guard(const wire::Guard& guard) {
  if (joined() && knows_guard_) send(wire::Type::guard, wire::bytes_of(guard));
}

void Session::send_cpu_turn(std::chrono::microseconds time) {
  const wire::CpuTurn turn{static_cast<std::uint64_t>(time.count())};
  if (joined()) send(wire::Type::cpu_turn, wire::bytes_of(turn));
}

// As many messages as it takes: the answer is as long as there are guests.
void Session::send_reply(std::string_view text) {
  for (; text.size() > wire::max_reply_part; text.remove_prefix(wire::max_reply_part)) {
    send(wire::Type::reply_part, std::as_bytes(std::span(text.substr(0, wire::max_reply_part))));
  }
  send(wire::Type::reply, std::as_bytes(std::span(text)));
}

void Session::refuse(std::string_view reason) {
  log(LogLevel::info, "process {} of user {} is refused: {}", peer_.pid, peer_.uid, reason);
  closing_ = true;
  send(wire::Type::refused, std::as_bytes(std::span(reason)));
}

void Session::send(wire::Type type, std::span<const std::byte> payload) {
  if (closed_) return;
  fault_point(FaultIn::daemon, FaultMoment::sends, type);
  if (closing_) {
    outbox_.add_anyway(type, payload);
  } else if (!outbox_.add(type, payload)) {
    // Not here and now: the caller is in the middle of the domain's orders.
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->cut_off("it does not read what it is sent"); });
    return;
  }
  if (outbox_.ready()) write_queued();
  fault_point(FaultIn::daemon, FaultMoment::sent, type);
}

void Session::write_queued() {
  write(outbox_.begin_sending());
}

// `rest` stays where it is until the outbox hears that it was sent.
void Session::write(std::span<const std::byte> rest) {
  if (fault_fails("daemon-sending")) return write_later(rest, errno);
  asio::async_write(socket_, asio::buffer(rest.data(), rest.size()),
                    [self = shared_from_this(), rest](boost::system::error_code error, std::size_t sent) {
                      if (self->closed_) return;
                      if (error == asio::error::no_buffer_space || error == asio::error::no_memory)
                        return self->write_later(rest.subspan(sent), error.value());
                      if (error) return self->close();
                      self->host_.has_sent();
                      self->write_pause_ = shortest_write_pause;
                      self->outbox_.sent();
                      self->end_of_write();
                    });
}

void Session::end_of_write() {
  if (!paging_files_.empty()) send_paging_files();
  if (closed_) return;
  if (outbox_.ready()) {
    write_queued();
  } else if (closing_) {
    return close();
  }
  if (!reads_) read_next();
}

// The kernel has no memory for it now. The guest is as well off without an answer, for a while.
void Session::write_later(std::span<const std::byte> rest, int error) {
  host_.could_not_send(error);
  write_pause_ = std::min(2 * write_pause_, longest_write_pause);
  write_timer_.expires_after(write_pause_);
  write_timer_.async_wait([self = shared_from_this(), rest](boost::system::error_code cancelled) {
    if (!cancelled && !self->closed_) self->write(rest);
  });
}

}  // namespace samepage::dedup
