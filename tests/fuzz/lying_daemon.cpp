// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/lying_daemon.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/open_again.hpp"
#include "dedup/daemon/staging_area.hpp"
#include "dedup/frame_numbers.hpp"

namespace samepage::dedup::test {
namespace {

using wire::Type;

constexpr std::array types{Type::verdict,  Type::knobs,    Type::synced,  Type::paging_file,
                           Type::cpu_turn, Type::kept_out, Type::refused, Type::promised,
                           Type::welcome,  Type::reply,    Type::offer};

}  // namespace

void LyingDaemon::say(Type type, std::span<const std::byte> payload, std::span<const int> fds) {
  if (!socket_) return;
  if (try_send_message(socket_.get(), static_cast<std::uint32_t>(type), payload, fds) == Sent::gone)
    socket_.reset();
}

// All it says is in the socket before the agent asks: one thread does for both.
void LyingDaemon::let_in(Input& input) {
  auto [ours, agents] = connected_sockets();
  socket_ = std::move(ours);
  wire::Welcome welcome;
  welcome.staging_slots = slots;
  welcome.max_frames = input.chance(8) ? input.take<std::uint32_t>() : max_frames;
  welcome.takes_whole_reports = input.below(2);
  welcome.knobs.cpu_percent = input.chance(2) ? 100 : input.below(200);
  if (input.chance(16)) welcome.version = input.below(8);
  if (input.chance(2)) ++membership_;
  welcome.membership = membership_;
  const UniqueFd store = store_.open_read_only(), staging = make_staging(slots);
  const std::array<int, 2> fds{store.get(), staging.get()};
  const std::size_t described = input.chance(16) ? input.below(2) : 2;
  const std::size_t length = input.chance(16) ? input.below(sizeof(welcome)) : sizeof(welcome);
  if (input.chance(16)) {
    const std::string_view reason("no");
    say(input.chance(2) ? Type::refused : Type::kept_out, std::as_bytes(std::span(reason)));
  } else {
    say(Type::welcome, wire::bytes_of(welcome).first(length), std::span(fds).first(described));
  }
  try {
    guest_.worker->connect(std::move(agents));
  } catch (const std::exception&) {
    socket_.reset();  // it says why to the person
  }
  hear();
}

void LyingDaemon::hear() {
  if (!socket_) return;
  std::array<std::byte, 4096> bytes;
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got > 0) continue;
    if (got == 0 || errno != EAGAIN) socket_.reset();
    return;
  }
}

void LyingDaemon::act(Input& input) {
  switch (input.below(12)) {
    case 0:
    case 1:
    case 2:
      return make_frames(input);
    case 3:
    case 4:
    case 5:
      return grant(input);
    case 6: {
      std::vector<wire::Donation> requests(1 + input.below(3));
      for (wire::Donation& request : requests) request = {{input.below(17)}, input.below(slots + 1)};
      return say(Type::verdict, wire::encode(wire::Verdict{{}, std::move(requests)}));
    }
    case 7: {
      wire::Knobs knobs;
      knobs.merging = input.below(3);
      knobs.cpu_percent = input.chance(4) ? input.take<std::uint32_t>() : 100;
      knobs.hold_budget_us = input.take<std::uint16_t>();
      knobs.interval_ms = input.take<std::uint32_t>();
      return say(Type::knobs, wire::bytes_of(knobs));
    }
    case 8:
      return say(Type::cpu_turn, wire::bytes_of(wire::CpuTurn{input.take<std::uint64_t>()}));
    case 9:
      return say(Type::synced, wire::bytes_of(wire::Sync{(1U << 31) + input.below(4)}));
    case 10:
      return name_paging_file(input);
    default: {
      const auto bytes = input.take_bytes(input.below(64));
      return say(input.one_of(types), std::as_bytes(bytes));
    }
  }
}

// The bytes of some of the guest's pages, now and then with one of them spoilt.
void LyingDaemon::make_frames(Input& input) {
  std::uint32_t page = input.below(16);
  for (std::uint32_t count = 1 + input.below(4); count > 0 && frames_ < max_frames; --count, ++frames_) {
    std::array<std::byte, page_size> bytes;
    std::memcpy(bytes.data(), guest_.shadow.data() + page++ % 16 * page_size, page_size);
    if (input.chance(4)) {
      const std::size_t spoilt = input.chance(2) ? page_size - 1 : input.take<std::uint16_t>() % page_size;
      bytes[spoilt] ^= std::byte{1};
    }
    store_.write({frames_}, bytes);
    if (slots_file_) {
      check(::pwrite(slots_file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(frames_ * page_size)),
            "pwrite");
    }
  }
}

void LyingDaemon::grant(Input& input) {
  std::vector<wire::Grant> grants(1 + input.below(3));
  for (wire::Grant& grant : grants) {
    const std::uint32_t number = input.chance(16) ? input.take<std::uint32_t>() : input.below(frames_ + 2);
    const bool in_slots = input.chance(4);
    grant.page = {input.below(17)};
    grant.frame = in_slots ? slot_at(input.below(2), number % max_slots) : FrameId{number};
    grant.count = input.chance(16) ? input.take<std::uint32_t>() : 1 + input.below(3);
  }
  // A frame that has no bytes yet never gets any: it may be mapped from now on.
  for (const wire::Grant& grant : grants) {
    const std::uint32_t ordinal = is_slot(grant.frame) ? ordinal_of(grant.frame) : grant.frame.value;
    if (lies_below(ordinal, grant.count, max_frames)) frames_ = std::max(frames_, ordinal + grant.count);
  }
  say(Type::verdict, wire::encode(wire::Verdict{std::move(grants), {}}));
}

void LyingDaemon::name_paging_file(Input& input) {
  if (!slots_file_) {
    slots_file_ = checked_fd(::memfd_create("slots", MFD_CLOEXEC), "memfd_create");
    check(::ftruncate(slots_file_.get(), max_frames * page_size), "ftruncate");
  }
  wire::PagingFile message;
  message.file = input.chance(8) ? input.take<std::uint32_t>() : input.below(2);
  message.leaving = input.chance(4) ? 1 : 0;
  std::string_view("/paging").copy(message.path, sizeof(message.path));
  const UniqueFd slots = open_to_read(slots_file_.get(), "open the slots");
  const std::array<int, 2> fds{slots.get(), slots.get()};
  say(Type::paging_file, wire::bytes_of(message), std::span(fds).first(input.chance(8) ? input.below(3) : 1));
}

}  // namespace samepage::dedup::test
