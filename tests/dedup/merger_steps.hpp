// SPDX-License-Identifier: Apache-2.0
// The merger's steps to their end, as most tests take them.
#pragma once

#include <gtest/gtest.h>

#include "dedup/daemon/merger.hpp"

namespace samepage::dedup {

using Outcome = Merger::Outcome;
using Answer = Merger::Answer;
using FirstSighting = Merger::FirstSighting;

inline void publish(Merger& merger, FrameId frame) {
  Turn whole(Turn::endless);
  merger.publish(frame, whole);
}

inline void detach(Merger& merger, PageId guest, std::uint32_t pages) {
  Turn whole(Turn::endless);
  std::uint32_t at = 0;
  bool references = false;
  EXPECT_TRUE(merger.detach_guest(guest, pages, at, references, whole));
}

inline void remove(Merger& merger, PageId guest, std::uint32_t pages) {
  Turn whole(Turn::endless);
  std::uint32_t at = 0;
  EXPECT_TRUE(merger.remove_guest(guest, pages, at, whole));
}

inline void pass_over_silent_donors(Merger& merger) {
  merger.pass_over_silent_donors();
  Turn whole(Turn::endless);
  EXPECT_TRUE(merger.go_on(whole));
}

}  // namespace samepage::dedup
