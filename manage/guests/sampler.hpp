// SPDX-License-Identifier: Apache-2.0
// Samples of the host and all its guests, one after the other, for all that shows figures: `stat`, `top`,
// `report`. Whoever hangs, a guest or the daemon, delays one sample; after that nothing waits for it until it
// goes on.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <vector>

#include "dedup/daemon_question.hpp"
#include "manage/guests/roll_call.hpp"
#include "manage/guests/snapshot.hpp"

namespace samepage::guests {

class Sampler {
 public:
  using Clock = std::chrono::steady_clock;

  Sampler();

  /// Asks the daemon and all guests. Throws UserError where the daemon's socket can't be used.
  void begin();
  /// For those who poll several things: what to poll, and taking what has come. Throws UserError when what
  /// answers in the daemon's place is not one.
  [[nodiscard]] std::vector<pollfd> waits() const;
  void receive();
  /// All that are waited for have answered.
  [[nodiscard]] bool complete() const;
  /// What has been answered. Who has not is silent: guests are "not answering", a daemon "hangs".
  [[nodiscard]] Snapshot take();

  /// All of it: begins, waits for everybody until the deadline and takes. Empty when `stop` (a descriptor,
  /// -1: none) became readable before.
  std::optional<Snapshot> sample(std::chrono::milliseconds patience, int stop = -1);

 private:
  void ask_daemon();
  void take_daemon();

  RollCall guests_;
  std::optional<dedup::DaemonQuestion> daemon_question_;
  bool daemon_is_late_ = false;
  bool daemon_is_known_ = false;  // it has answered before: should it hang up, it has ended
  Snapshot next_;
};

/// How long a single snapshot waits for all together.
inline constexpr std::chrono::seconds snapshot_patience{5};

/// One sample.
Snapshot take_snapshot();

}  // namespace samepage::guests
