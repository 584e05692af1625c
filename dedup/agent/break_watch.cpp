// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/break_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "base/kept_files.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "dedup/agent/memory_pace.hpp"
#include "dedup/agent/page_out_demand.hpp"

namespace samepage::dedup {
namespace {

// Where a guest stands still while its pages go out, the guard begins: it is for what paging can't do.
constexpr std::uint64_t guards_low_water(const MemoryRoom& room) {
  return low_water(room) / 2;
}

// The daemon takes no larger numbers.
constexpr std::uint64_t most = wire::number_limit - 1;

}  // namespace

// "size resident shared ...", in pages; shared: of files, and of memory that has a file
std::uint64_t own_anonymous_memory() {
  std::istringstream file(kept_text("/proc/self/statm"));
  std::uint64_t size = 0, resident = 0, shared = 0;
  file >> size >> resident >> shared;
  return PageCount{resident - std::min(resident, shared)}.bytes();
}

void BreakWatch::look() {
  const wire::GuardOrder order = worker_.daemon().take_guard_order();
  if (order == wire::GuardOrder::none && !is_due()) return;
  MemoryRoom room = eyes_.room();
  room.available = std::min(room.available, most);
  room.limit = std::min(room.limit, most);
  const std::uint64_t low = guards_low_water(room);
  // Swap is asked for only where it matters.
  const std::uint64_t swap = room.available < GuardMarks{low}.plenty() ? eyes_.swap_room() : 0;
  const Clock::time_point now = Clock::now();
  guest_.ordered(order);
  guest_.look({.available = std::min(most, room.available + std::min(swap, most)),
               .low = low,
               .place = room.place,
               .own = eyes_.own(),
               .now = now,
               .guarded = worker_.daemon().is_guarded(),
               .is_heard = worker_.daemon().hears_room()});
  next_ = now + guest_.look_again();
  worker_.note_room(room);
  note(room);
  worker_.brake(Worker::Brake::guard, guest_.stands_still());
  if (const auto told = guest_.told()) worker_.daemon().tell_room(*told);
}

// The log has a line when it begins, and one when it is over.
void BreakWatch::note(const MemoryRoom& room) {
  Shortages& shortages = worker_.shortages();
  if (guest_.stands_still() == worker_.brakes(Worker::Brake::guard)) return;
  if (!guest_.stands_still()) return note_granted(shortages, Resource::memory);
  note_refused(shortages, Resource::memory,
               fmt::format("{} of {} are left, and the guest writes what it shares: it stands still (break "
                           "guard); end guests, raise the limit of its memory cgroup, or add a paging file",
                           format_size(room.available), format_size(room.limit)));
}

bool BreakWatch::is_scarce() const {
  return guest_.is_scarce() && !guest_.stands_still() && guest_.look_again() <= scarce_within;
}

}  // namespace samepage::dedup
