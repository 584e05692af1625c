// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/frame_copies.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

// Each frame has its own number in each byte.
UniqueFd store_of(std::uint32_t frames) {
  UniqueFd file = checked_fd(::memfd_create("samepage-test", MFD_CLOEXEC), "memfd_create");
  for (std::uint32_t frame = 0; frame < frames; ++frame) {
    std::array<std::byte, page_size> bytes;
    bytes.fill(std::byte(frame));
    EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(page_size));
  }
  return file;
}

wire::Grant grant(std::uint32_t page, std::uint32_t frame, std::uint32_t count) {
  return {PageIndex{page}, FrameId{frame}, count};
}

// How many pages of the candidate are what was granted: all that were read.
std::uint32_t right_pages(const MergeCandidate& candidate) {
  const std::size_t pages = candidate.frames.size() / page_size;
  for (std::uint32_t i = 0; i < pages; ++i) {
    const std::byte wanted = std::byte(candidate.grant.frame.value + i);
    EXPECT_EQ(candidate.frames[PageCount{i}.bytes()], wanted);
    EXPECT_EQ(candidate.frames[PageCount{i}.bytes() + page_size - 1], wanted);
  }
  return static_cast<std::uint32_t>(pages);
}

TEST(FrameCopies, EachGrantGetsItsFramesWhetherTheyLieInARowOrNot) {
  const FrameFiles files(store_of(40));
  const std::array grants{grant(10, 3, 2), grant(50, 5, 3), grant(60, 8, 1), grant(61, 20, 4),
                          grant(7, 19, 1)};
  FrameCopies copies;
  const auto candidates = copies.read(files, grants);
  ASSERT_EQ(candidates.size(), grants.size());
  for (std::size_t i = 0; i < grants.size(); ++i) {
    EXPECT_EQ(candidates[i].grant.page, grants[i].page);
    EXPECT_EQ(right_pages(candidates[i]), grants[i].count) << i;
  }
}

TEST(FrameCopies, WhatTheFileDoesNotHaveIsNotReadAndWhatLiesBesideItIs) {
  const FrameFiles files(store_of(6));
  const std::array grants{grant(0, 3, 2), grant(8, 5, 4), grant(20, 9, 1), grant(30, 0, 3)};
  FrameCopies copies;
  const auto candidates = copies.read(files, grants);
  ASSERT_EQ(candidates.size(), grants.size());
  EXPECT_EQ(right_pages(candidates[0]), 2U);
  EXPECT_EQ(right_pages(candidates[1]), 1U);
  EXPECT_EQ(right_pages(candidates[2]), 0U);
  EXPECT_EQ(right_pages(candidates[3]), 3U);
}

TEST(FrameCopies, AsManyAsThereIsRoomForAreRead) {
  constexpr std::uint32_t most = FrameCopies::most_at_once.value;
  const FrameFiles files(store_of(most + 20));
  const std::array grants{grant(0, 0, most - 2), grant(most, most - 2, 3), grant(2 * most, 0, 1)};
  FrameCopies copies;
  auto candidates = copies.read(files, grants);
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_EQ(right_pages(candidates[0]), most - 2);
  candidates = copies.read(files, std::span(grants).subspan(1));
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(right_pages(candidates[0]), 3U);
  EXPECT_EQ(right_pages(candidates[1]), 1U);
}

}  // namespace
}  // namespace samepage::dedup
