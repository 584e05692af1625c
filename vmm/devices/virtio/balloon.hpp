// SPDX-License-Identifier: Apache-2.0
// Memory balloon (virtio 1.2, 5.5): a guest gives up memory when it is asked to (inflating), reports memory
// that it has freed anyway (free-page reporting), and tells what it uses its memory for (statistics). What it
// gives up goes back to the host before the guest is answered: afterwards it may use the pages again.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

/// Gives guest pages back to the host and returns when that is done. What is not RAM is to be left out.
using DiscardPages = std::function<void(std::span<const GfnRange>)>;

/// What a guest says of its memory; a value that it does not tell is empty. Bytes, or numbers of events.
struct BalloonStatistics {
  static constexpr std::size_t count = 10;
  /// The names of the values, as they are shown.
  static const std::array<const char*, count> names;
  std::array<std::optional<std::uint64_t>, count> values;
};

struct BalloonFigures {
  std::uint64_t target_bytes = 0;    // that the guest is asked to give up
  std::uint64_t actual_bytes = 0;    // that it has given up
  std::uint64_t reported_bytes = 0;  // sum of all that it has reported as free so far
  BalloonStatistics statistics;
};

class Balloon final : public VirtioDevice {
 public:
  /// `wake` makes the devices' thread serve the balloon, and must not block.
  Balloon(DiscardPages discard, std::function<void()> wake);

  [[nodiscard]] std::uint32_t id() const override { return 5; }
  [[nodiscard]] std::uint64_t features() const override;
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void read_config(std::uint64_t offset, std::span<std::byte> data) const override;
  void write_config(std::uint64_t offset, std::span<const std::byte> data) override;
  void serve(VirtioState& state) override;
  /// The chain of statistics that it keeps counts as offered, and comes again.
  [[nodiscard]] DeviceState save() override;
  [[nodiscard]] std::optional<std::string_view> restore(const DeviceState& state) override;

  // Any thread.
  /// Asks the guest to give up that much; it takes what it can spare, and its time.
  void set_target(std::uint64_t bytes);
  /// Asks the guest for new statistics and waits a moment for them; if they don't come the last ones are
  /// told.
  [[nodiscard]] BalloonFigures figures();

 private:
  void tell_target(VirtioState& state);
  void inflate(VirtioState& state, unsigned queue);
  void deflate(VirtioState& state, unsigned queue) const;
  void take_statistics(VirtioState& state, unsigned queue);
  void take_report(VirtioState& state, unsigned queue);

  static constexpr std::array<std::uint16_t, 4> sizes{128, 128, 16, 128};
  DiscardPages discard_;
  std::function<void()> wake_;
  Chain held_;  // the statistics queue's chain, kept until new ones are wanted
  bool holds_ = false;

  mutable std::mutex mutex_;  // never held while anything else is waited for
  std::condition_variable statistics_came_;
  std::uint32_t target_pages_ = 0;
  std::uint32_t actual_pages_ = 0;
  std::uint64_t reported_bytes_ = 0;
  BalloonStatistics statistics_;
  std::uint64_t statistics_round_ = 0;
  bool statistics_wanted_ = false;
  bool target_changed_ = false;
};

}  // namespace samepage::vmm
