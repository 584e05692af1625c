// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/balloon.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace samepage::vmm {
namespace {

// virtio 1.2, 5.5.3
constexpr unsigned feature_statistics = 1;
constexpr unsigned feature_deflate_on_oom = 2;
constexpr unsigned feature_reporting = 5;
constexpr std::size_t statistic_bytes = 10;  // a 16-bit tag, then a 64-bit value, without padding
constexpr std::size_t most_statistics = 64;  // of one answer; there are ten kinds
constexpr auto longest_wait = std::chrono::milliseconds(200);

// Neighbouring pages as one range: one system call for all of them.
std::vector<GfnRange> joined(std::vector<std::uint32_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::vector<GfnRange> ranges;
  for (const std::uint32_t number : numbers) {
    if (!ranges.empty() && number < ranges.back().end().value) continue;  // told twice
    if (!ranges.empty() && ranges.back().end() == Gfn{number}) {
      ranges.back().pages += PageCount{1};
    } else {
      ranges.push_back({Gfn{number}, PageCount{1}});
    }
  }
  return ranges;
}

}  // namespace

const std::array<const char*, BalloonStatistics::count> BalloonStatistics::names{
    "swap_in_bytes", "swap_out_bytes",  "major_faults", "minor_faults",        "free_bytes",
    "total_bytes",   "available_bytes", "cache_bytes",  "hugepages_allocated", "hugepages_failed"};

Balloon::Balloon(DiscardPages discard, std::function<void()> wake)
    : discard_(std::move(discard)), wake_(std::move(wake)) {}

std::uint64_t Balloon::features() const {
  return feature_bit(feature_statistics) | feature_bit(feature_deflate_on_oom) |
         feature_bit(feature_reporting);
}

void Balloon::read_config(std::uint64_t offset, std::span<std::byte> data) const {
  const std::lock_guard lock(mutex_);
  read_from(std::array<std::uint32_t, 2>{target_pages_, actual_pages_}, offset, data);
}

void Balloon::write_config(std::uint64_t offset, std::span<const std::byte> data) {
  if (offset != sizeof(std::uint32_t) || data.size() != sizeof(std::uint32_t)) return;
  const std::lock_guard lock(mutex_);
  std::memcpy(&actual_pages_, data.data(), sizeof(actual_pages_));
}

// A driver gives queues numbers in the order of the features that it has taken, without gaps.
void Balloon::serve(VirtioState& state) {
  tell_target(state);
  inflate(state, 0);
  deflate(state, 1);
  unsigned next = 2;
  if (state.negotiated(feature_bit(feature_statistics))) take_statistics(state, next++);
  if (state.negotiated(feature_bit(feature_reporting))) take_report(state, next);
}

// The news stands until the driver has been told: whoever saves the device in between tells it once more.
void Balloon::tell_target(VirtioState& state) {
  std::uint32_t told = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!target_changed_) return;
    told = target_pages_;
  }
  state.configuration_changed();
  const std::lock_guard lock(mutex_);
  if (target_pages_ == told) target_changed_ = false;
}

void Balloon::inflate(VirtioState& state, unsigned queue) {
  Chain chain;
  std::array<std::uint32_t, 1024> part{};
  while (state.take(queue, chain)) {
    const std::uint64_t total = chain.readable_bytes / sizeof(std::uint32_t);
    for (std::uint64_t done = 0; done < total;) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), total - done));
      const std::span numbers(part.data(), count);
      if (!state.copy_from(chain, done * sizeof(std::uint32_t), std::as_writable_bytes(numbers))) return;
      discard_(joined({numbers.begin(), numbers.end()}));
      done += count;
    }
    state.finish(chain, 0);
  }
}

// A page that the guest takes back gets memory when it is touched.
void Balloon::deflate(VirtioState& state, unsigned queue) const {
  Chain chain;
  while (state.take(queue, chain)) state.finish(chain, 0);
}

// The driver offers a buffer with what it knows; the device keeps it, and giving it back asks for the next.
void Balloon::take_statistics(VirtioState& state, unsigned queue) {
  Chain chain;
  while (state.take(queue, chain)) {
    std::array<std::byte, most_statistics * statistic_bytes> bytes{};
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), chain.readable_bytes));
    if (!state.copy_from(chain, 0, std::span(bytes).first(size))) return;
    const std::lock_guard lock(mutex_);
    for (std::size_t at = 0; at + statistic_bytes <= size; at += statistic_bytes) {
      std::uint16_t tag = 0;
      std::uint64_t value = 0;
      std::memcpy(&tag, bytes.data() + at, sizeof(tag));
      std::memcpy(&value, bytes.data() + at + sizeof(tag), sizeof(value));
      if (tag < BalloonStatistics::count) statistics_.values.at(tag) = value;
    }
    held_ = chain;
    holds_ = true;
    ++statistics_round_;
    statistics_came_.notify_all();
  }
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = holds_ && std::exchange(statistics_wanted_, false);
  }
  if (!wanted) return;
  holds_ = false;
  state.finish(held_, 0);  // void after a reset: then a new one comes by itself
}

void Balloon::take_report(VirtioState& state, unsigned queue) {
  Chain chain;
  while (state.take(queue, chain)) {
    std::vector<GfnRange> ranges;
    std::uint64_t bytes = 0;
    for (const GuestBuffer& buffer : chain.writable) {
      // Whole pages only: what is beside them is not free.
      const Gfn first = gfn_of(buffer.address + (page_size - 1));
      const Gfn end = gfn_of(buffer.address + buffer.length);
      if (!(first < end)) continue;
      ranges.push_back({first, end - first});
      bytes += (end - first).bytes();
    }
    discard_(ranges);
    state.finish(chain, 0, [this, bytes] {
      const std::lock_guard lock(mutex_);
      reported_bytes_ += bytes;
    });
  }
}

DeviceState Balloon::save() {
  const std::lock_guard lock(mutex_);
  return BalloonState{target_pages_, actual_pages_, target_changed_, reported_bytes_, statistics_.values};
}

std::optional<std::string_view> Balloon::restore(const DeviceState& state) {
  const auto* balloon = std::get_if<BalloonState>(&state);
  if (balloon == nullptr) return of_another_kind;
  const std::lock_guard lock(mutex_);
  target_pages_ = balloon->target_pages;
  actual_pages_ = balloon->actual_pages;
  target_changed_ = balloon->target_is_news;
  reported_bytes_ = balloon->reported_bytes;
  statistics_.values = balloon->statistics;
  return std::nullopt;
}

void Balloon::set_target(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    target_pages_ =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(pages_in(bytes).value, ~std::uint32_t{0}));
    target_changed_ = true;
  }
  wake_();
}

BalloonFigures Balloon::figures() {
  std::unique_lock lock(mutex_);
  const std::uint64_t round = statistics_round_;
  statistics_wanted_ = true;
  wake_();
  if (round != 0) statistics_came_.wait_for(lock, longest_wait, [&] { return statistics_round_ != round; });
  return {PageCount{target_pages_}.bytes(), PageCount{actual_pages_}.bytes(), reported_bytes_, statistics_};
}

}  // namespace samepage::vmm
