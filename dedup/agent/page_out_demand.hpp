// SPDX-License-Identifier: Apache-2.0
// How much of a guest is to go out, by how much room there is in memory. Each guest's agent decides for
// itself, and asks for the part of what is missing that the guest has of the memory in use: together they ask
// for all of it. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/memory_room.hpp"
#include "base/types.hpp"

namespace samepage::dedup {

struct PageOutDemand {
  bool low = false;         // there is less than low water
  std::uint64_t pages = 0;  // that should go out now
  /// The guest is held meanwhile: what it writes would take the last room before anything has gone out.
  bool brake = false;
  /// When to look again: before the room can be used up, as fast as guests write.
  std::chrono::milliseconds look_again{0};
};

/// Pages go out below this much room, until there is half as much again.
constexpr std::uint64_t low_water(const MemoryRoom& room) {
  return std::min(room.limit / 4, std::uint64_t{1} << 30);
}

/// `own`: memory that the guest has to itself.
constexpr PageOutDemand page_out_demand(const MemoryRoom& room, PageCount own) {
  constexpr std::uint64_t written_a_ms = std::uint64_t{2} << 20;  // by all guests, at most
  constexpr std::uint64_t soonest = 10, latest = 1000;
  const std::uint64_t low = low_water(room);
  const std::uint64_t above = room.available - std::min(room.available, low);
  PageOutDemand demand;
  demand.look_again = std::chrono::milliseconds(std::clamp(above / written_a_ms, soonest, latest));
  if (room.available >= low) return demand;
  demand.low = true;
  const std::uint64_t missing = low + low / 2 - room.available;
  const std::uint64_t used = std::max<std::uint64_t>(room.limit - room.available, 1);
  const auto part = static_cast<double>(std::min(own.bytes(), used)) / static_cast<double>(used);
  demand.pages =
      std::min(own.value, pages_for(static_cast<std::uint64_t>(static_cast<double>(missing) * part)).value);
  demand.brake = room.available < low / 2;
  return demand;
}

}  // namespace samepage::dedup
