// SPDX-License-Identifier: Apache-2.0
#include "dedup/shortage.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <new>
#include <system_error>

#include "base/log.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

struct Word {
  Resource what;
  std::string_view name, waits;
};
constexpr std::array<Word, resource_count> words{{{Resource::mappings, "mappings", "pages"},
                                                  {Resource::memory, "memory", "pages"},
                                                  {Resource::commit, "commit", "pages"},
                                                  {Resource::descriptors, "descriptors", "connections"},
                                                  {Resource::disk, "disk", "pages"},
                                                  {Resource::socket_buffers, "socket buffers", "messages"}}};

constexpr std::size_t index_of(Resource what) {
  return static_cast<std::size_t>(what);
}
constexpr unsigned bit_of(Resource what) {
  return 1U << index_of(what);
}

}  // namespace

std::string_view name_of(Resource what) {
  return words.at(index_of(what)).name;
}

std::string_view waits_for(Resource what) {
  return words.at(index_of(what)).waits;
}

const std::array<Resource, resource_count>& all_resources() {
  static constexpr auto all = [] {
    std::array<Resource, resource_count> list{};
    for (std::size_t i = 0; i < list.size(); ++i) list.at(i) = words.at(i).what;
    return list;
  }();
  return all;
}

std::optional<Resource> lacked(int error, bool strict_commit) {
  switch (error) {
    case ENOMEM:
      return strict_commit ? Resource::commit : Resource::memory;
    case EMFILE:
    case ENFILE:
      return Resource::descriptors;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Resource::disk;
    case ENOBUFS:
      return Resource::socket_buffers;
    default:
      return std::nullopt;
  }
}

std::optional<Resource> lacked_by(const std::exception& problem) {
  if (dynamic_cast<const std::bad_alloc*>(&problem) != nullptr) return lacked(ENOMEM, has_strict_commit());
  const auto* const failure = dynamic_cast<const std::system_error*>(&problem);
  if (failure == nullptr) return std::nullopt;
  const int error = failure->code().value();
  return lacked(error, error == ENOMEM && has_strict_commit());
}

bool has_strict_commit() {
  std::ifstream file("/proc/sys/vm/overcommit_memory");
  int mode = 0;
  return (file >> mode) && mode == 2;
}

bool Shortages::refused(Resource what, Clock::time_point now) {
  const std::lock_guard guard(lock_);
  Shortage& shortage = shortages_.at(index_of(what));
  const bool begins = (short_ & bit_of(what)) == 0;
  if (begins) {
    shortage = {now, now + shortest_pause, shortest_pause};
    short_ |= bit_of(what);
  } else if (now >= shortage.next_try) {
    shortage.pause = std::min(2 * shortage.pause, longest_pause);
    shortage.next_try = now + shortage.pause;
  }
  return begins;
}

std::optional<milliseconds> Shortages::granted(Resource what, Clock::time_point now) {
  if (!is_short(what)) return std::nullopt;
  const std::lock_guard guard(lock_);
  if ((short_ & bit_of(what)) == 0) return std::nullopt;
  short_ &= ~bit_of(what);
  return std::chrono::duration_cast<milliseconds>(now - shortages_.at(index_of(what)).since);
}

void Shortages::set_waiting(Resource what, std::uint64_t count) {
  if (!is_short(what)) return;
  const std::lock_guard guard(lock_);
  shortages_.at(index_of(what)).waiting = count;
}

bool Shortages::is_short(Resource what) const {
  return (short_ & bit_of(what)) != 0;
}

bool Shortages::may_try(Resource what, Clock::time_point now) const {
  if (!is_short(what)) return true;
  const std::lock_guard guard(lock_);
  return now >= shortages_.at(index_of(what)).next_try;
}

std::vector<ShortageFigure> Shortages::figures(Clock::time_point now) const {
  std::vector<ShortageFigure> all;
  if (short_ == 0) return all;
  const std::lock_guard guard(lock_);
  for (const Resource what : all_resources()) {
    if ((short_ & bit_of(what)) == 0) continue;
    const Shortage& shortage = shortages_.at(index_of(what));
    all.push_back({what, std::chrono::duration_cast<milliseconds>(now - shortage.since), shortage.waiting});
  }
  return all;
}

bool note_refused(Shortages& shortages, Resource what, std::string_view why) noexcept {
  const bool begins = shortages.refused(what, Shortages::Clock::now());
  if (begins) log(LogLevel::warning, "short of {}: {}; it goes on when there is more", name_of(what), why);
  return begins;
}

void note_granted(Shortages& shortages, Resource what) noexcept {
  if (!shortages.is_short(what)) return;  // the clock is not asked for nothing
  if (const auto lasted = shortages.granted(what, Shortages::Clock::now())) {
    log(LogLevel::warning, "no longer short of {}, after {} ms", name_of(what), lasted->count());
  }
}

}  // namespace samepage::dedup
