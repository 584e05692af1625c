// SPDX-License-Identifier: Apache-2.0
#include "manage/report/history.hpp"

#include <algorithm>
#include <utility>

#include "base/types.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

constexpr std::size_t most_guests = 1'024;
constexpr std::size_t longest_word = 128;
// Sums of what a record tells must not overflow, whatever it tells.
constexpr std::uint64_t largest = std::uint64_t{1} << 52;
constexpr double gap_intervals = 4;

std::uint64_t number(const json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  if (found->is_number_unsigned()) return std::min(found->get<std::uint64_t>(), largest);
  const auto value = found->get<double>();
  return value > 0 ? static_cast<std::uint64_t>(std::min(value, static_cast<double>(largest))) : 0;
}

std::int64_t signed_number(const json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  const auto most = static_cast<double>(largest);
  return static_cast<std::int64_t>(std::clamp(found->get<double>(), -most, most));
}

std::string word(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, longest_word)
                                                     : std::string();
}

MemoryKinds memory_of(const json& guest) {
  return {number(guest, "private_bytes"), number(guest, "shared_bytes"), number(guest, "zero_bytes"),
          number(guest, "untouched_bytes")};
}

template <typename Value>
void drop_every_second(std::vector<Value>& values) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values.size(); i += 2) values[kept++] = std::move(values[i]);
  values.resize(kept);
}

}  // namespace

void Sum::add(std::uint64_t value) {
  if (last_) total_ += value >= *last_ ? value - *last_ : value;
  last_ = value;
}

MemoryKinds& MemoryKinds::operator+=(const MemoryKinds& other) {
  own += other.own;
  shared += other.shared;
  zero += other.zero;
  untouched += other.untouched;
  return *this;
}

bool HoldHistogram::empty() const {
  return std::all_of(holds.begin(), holds.end(), [](std::uint64_t count) { return count == 0; });
}

MemoryKinds History::add_guest(const std::string& name, const json& guest, double time) {
  const MemoryKinds memory = memory_of(guest);
  const auto [track, is_new] = guests_.try_emplace(name);
  GuestTrack& known = track->second;
  if (is_new) {
    known.name = name;
    known.seen_from = time;
  }
  known.domain = word(guest, "domain");
  known.image = word(guest, "image");
  known.last = memory;
  known.seen_until = time;
  known.hold_max_us = std::max(known.hold_max_us, number(guest, "hold_max_us"));
  GuestSums& sums =
      sums_.try_emplace(name, samples_ > 0 ? Sum::Start::at_zero : Sum::Start::at_first_value).first->second;
  sums.breaks.add(number(guest, "breaks"));
  sums.merges.add(number(guest, "merges"));
  sums.holds.add(number(guest, "holds"));
  sums.cpu.add(number(guest, "cpu_user_us") + number(guest, "cpu_system_us"));
  known.breaks = sums.breaks.total();
  known.merges = sums.merges.total();
  known.holds = sums.holds.total();
  known.cpu_us = sums.cpu.total();
  return memory;
}

void History::add_holds(const json& told) {
  if (!told.is_object()) return;
  try {
    const auto up_to = told.at("up_to").get<std::vector<std::uint64_t>>();
    const auto holds = told.at("holds").get<std::vector<std::uint64_t>>();
    constexpr std::size_t most_buckets = 64;
    if (holds.size() != up_to.size() + 1 || holds.size() > most_buckets) return;
    if (hold_sums_.empty()) {
      holds_.up_to_us = up_to;
      hold_sums_.assign(holds.size(), Sum(Sum::Start::at_first_value));
    }
    if (holds_.up_to_us != up_to) return;
    holds_.holds.clear();
    for (std::size_t i = 0; i < holds.size(); ++i) {
      hold_sums_[i].add(std::min(holds[i], largest));
      holds_.holds.push_back(hold_sums_[i].total());
    }
  } catch (const json::exception&) {
    // Of another version: not shown.
  }
}

void History::add_sample(double time, const json& host, const json& guests) {
  if (!host.is_object() || !guests.is_array()) return;
  time = std::max(time, last_time_);
  HostMoment moment;
  moment.time = time;
  moment.after_gap = samples_ == 0 || time > last_time_ + gap_intervals * interval_;
  std::map<std::string, MemoryKinds> memory;
  std::uint64_t beyond = 0;
  for (const json& guest : guests) {
    if (!guest.is_object()) continue;
    ++moment.guests;
    if (!guest.contains("ram_bytes")) {
      ++moment.silent;
      continue;
    }
    const std::string name = word(guest, "name");
    if (guests_.size() >= most_guests && !guests_.contains(name)) {
      ++beyond;
      moment.memory += memory_of(guest);
      continue;
    }
    const MemoryKinds kinds = add_guest(name, guest, time);
    moment.memory += kinds;
    memory.insert_or_assign(name, kinds);
  }
  not_told_apart_ = std::max(not_told_apart_, beyond);
  breaks_.add(number(host, "breaks"));
  agents_cpu_.add(number(host, "merge_cpu_us"));
  daemon_cpu_.add(number(host, "daemon_cpu_us"));
  knows_cost_ = knows_cost_ || host.contains("merge_cpu_us");
  add_holds(host.value("hold_us", json()));
  hold_max_us_ = std::max(hold_max_us_, number(host, "hold_max_us"));
  if (const std::string tracker = word(host, "tracker"); !tracker.empty() && tracker != "none")
    tracker_ = tracker;
  moment.frames = PageCount{number(host, "pages_shared")}.bytes();
  moment.saved = number(host, "saved_bytes");
  moment.overhead = number(host, "overhead_bytes");
  moment.kernel = number(host, "kernel_bytes");
  moment.net_saved = signed_number(host, "net_saved_bytes");
  moment.breaks = breaks_.total();
  moment.agents_cpu_us = agents_cpu_.total();
  moment.daemon_cpu_us = daemon_cpu_.total();
  for (const auto& [name, sums] : sums_) moment.guests_cpu_us += sums.cpu.total();
  keep(moment, memory);
  ++samples_;
  last_time_ = time;
}

void History::add_sharing(double time, SharingMatrix matrix) {
  if (matrix.empty()) return;
  for (SharingMatrix::Guest& guest : matrix.guests) {
    guest.name.resize(std::min(guest.name.size(), longest_word));
    guest.domain.resize(std::min(guest.domain.size(), longest_word));
  }
  sharing_ = std::move(matrix);
  sharing_time_ = time;
}

void History::keep(const HostMoment& moment, const std::map<std::string, MemoryKinds>& memory) {
  const bool gap_was_last = last_may_go_ && moments_.back().after_gap;
  if (last_may_go_) drop_last();
  const std::size_t index = moments_.size();
  moments_.push_back(moment);
  moments_.back().after_gap |= gap_was_last;
  for (const auto& [name, kinds] : memory) {
    std::vector<std::optional<MemoryKinds>>& of_guest = guests_.at(name).memory;
    of_guest.resize(index);
    of_guest.emplace_back(kinds);
  }
  last_may_go_ = samples_ % stride_ != 0;
  if (moments_.size() > most_) thin();
}

void History::drop_last() {
  for (auto& [name, guest] : guests_) {
    if (guest.memory.size() == moments_.size()) guest.memory.pop_back();
  }
  moments_.pop_back();
}

void History::thin() {
  if (last_may_go_) return;  // it goes by itself
  for (std::size_t i = 1; i + 1 < moments_.size(); i += 2) moments_[i + 1].after_gap |= moments_[i].after_gap;
  const bool last_stays = moments_.size() % 2 == 1;
  drop_every_second(moments_);
  for (auto& [name, guest] : guests_) drop_every_second(guest.memory);
  stride_ *= 2;
  last_may_go_ = !last_stays;
}

}  // namespace samepage::report
