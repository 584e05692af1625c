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

/// Both pages, of equal content, map one frame of the store from now on.
inline FrameId share(Merger& merger, PageId first, PageId second, Digest digest) {
  EXPECT_EQ(merger.offer(first, digest), Outcome::done);
  EXPECT_EQ(merger.offer(second, digest), Outcome::done);
  const auto frame = merger.donated(second, digest);
  EXPECT_TRUE(frame);
  if (frame) publish(merger, *frame);
  for (const PageId page : {first, second}) EXPECT_EQ(merger.answered(page, Answer::kept), Outcome::done);
  static_cast<void>(merger.take_orders());
  return frame.value_or(FrameId{});
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
