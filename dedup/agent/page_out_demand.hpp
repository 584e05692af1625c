// SPDX-License-Identifier: Apache-2.0
// How much of a guest is to go out, by how much room there is in memory. Each guest's agent decides for
// itself, and asks for the part of what is missing that the guest has of the memory in use: together they ask
// for all of it.
//
// Page cache counts as room, because the kernel can drop it. Where guests read what it drops again and again,
// that is not so, and only the time that they wait tells. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/memory_room.hpp"
#include "base/types.hpp"
#include "dedup/agent/memory_pace.hpp"

namespace samepage::dedup {

struct PageOutDemand {
  bool low = false;         // there is less than low water
  std::uint64_t pages = 0;  // that should go out now
  /// The guest is held meanwhile: what it writes would take the last room before anything has gone out.
  bool brake = false;
  /// When to look again: before the room can be used up, as fast as guests write.
  std::chrono::milliseconds look_again{0};
};

/// Pages go out below this much room, until there is half as much again. A small limit leaves guests the more
/// of it: on a busy host the agents have to get a processor before guests have used it up.
constexpr std::uint64_t low_water(const MemoryRoom& room) {
  constexpr std::uint64_t enough_for_a_while = std::uint64_t{64} << 20, most = std::uint64_t{1} << 30;
  return std::min(std::max(room.limit / 4, std::min(room.limit / 2, enough_for_a_while)), most);
}

/// Tasks that wait for memory for so much of the time need the page cache that is there.
constexpr double needs_its_cache = 0.1;

/// `own`: memory that the guest has to itself; `stalled`: the share of the time in which some task waits for
/// memory (base/stall_share.hpp).
constexpr PageOutDemand page_out_demand(const MemoryRoom& room, PageCount own, double stalled = 0) {
  constexpr std::uint64_t soonest = 10, latest = 1000;
  const std::uint64_t low = low_water(room);
  const std::uint64_t above = room.available - std::min(room.available, low);
  PageOutDemand demand;
  demand.look_again = std::chrono::milliseconds(std::clamp(above / written_a_ms, soonest, latest));
  const bool is_low = room.available < low;
  if (!is_low && (stalled < needs_its_cache || room.unused >= low)) return demand;
  demand.low = is_low;
  // For the sake of page cache a little goes out at a time: it may help soon.
  const std::uint64_t missing = is_low ? low + low / 2 - room.available : low / 8;
  const std::uint64_t used = std::max<std::uint64_t>(room.limit - room.available, 1);
  const auto part = static_cast<double>(std::min(own.bytes(), used)) / static_cast<double>(used);
  demand.pages =
      std::min(own.value, pages_for(static_cast<std::uint64_t>(static_cast<double>(missing) * part)).value);
  demand.brake = room.available < low / 2;
  return demand;
}

}  // namespace samepage::dedup
