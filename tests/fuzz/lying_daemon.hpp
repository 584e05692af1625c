// SPDX-License-Identifier: Apache-2.0
// A daemon that says what a fuzzer's input makes it say. What it never does is to change a frame that it has
// granted: an agent maps frames, and has to trust the daemon with that.
#pragma once

#include <cstdint>
#include <span>

#include "base/unique_fd.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/protocol.hpp"
#include "tests/dedup/fleet/fleet.hpp"
#include "tests/fuzz/input.hpp"

namespace samepage::dedup::test {

class LyingDaemon {
 public:
  static constexpr std::uint32_t slots = 4;
  static constexpr std::uint32_t max_frames = 256;
  using Input = samepage::test::Input;

  explicit LyingDaemon(FleetGuest& guest) : guest_(guest) {}

  /// The guest joins it, or finds out that it can't.
  void let_in(Input& input);
  void hang_up() { socket_.reset(); }
  /// Says something.
  void act(Input& input);
  /// Reads what the agent says.
  void hear();

 private:
  void say(wire::Type type, std::span<const std::byte> payload, std::span<const int> fds = {});
  void make_frames(Input& input);
  void grant(Input& input);
  void name_paging_file(Input& input);

  FleetGuest& guest_;
  FrameStore store_;
  UniqueFd slots_file_;
  UniqueFd socket_;
  std::uint32_t frames_ = 0;  // that have bytes, or were granted without
  std::uint64_t membership_ = 1;
};

}  // namespace samepage::dedup::test
