// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/frame_store.hpp"
#include "base/file_figures.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/mapping.hpp"

namespace samepage::dedup {
namespace {

std::vector<std::byte> page_of(int value) {
  return std::vector<std::byte>(page_size, static_cast<std::byte>(value));
}

TEST(FrameStore, AgentsReadWhatWasWritten) {
  FrameStore store;
  store.write({3}, page_of(3));
  const UniqueFd fd = store.open_read_only();
  const Mapping view = Mapping::read_only(fd.get(), 8 * page_size);
  EXPECT_EQ(std::memcmp(view.data() + 3 * page_size, page_of(3).data(), page_size), 0);
}

TEST(FrameStore, AgentsCannotWriteOrShrinkOrSealIt) {
  FrameStore store;
  store.write({0}, page_of(1));
  const UniqueFd fd = store.open_read_only();
  EXPECT_LT(::pwrite(fd.get(), "x", 1, 0), 0);
  EXPECT_LT(::ftruncate(fd.get(), 0), 0);
  EXPECT_LT(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_EQ(::mmap(nullptr, page_size, PROT_WRITE, MAP_SHARED, fd.get(), 0), MAP_FAILED);
}

TEST(FrameStore, ReapingGivesMemoryBackAndSparesPrivateCopies) {
  FrameStore store;
  for (std::uint32_t frame = 0; frame < 8; ++frame) store.write({frame}, page_of(7));
  EXPECT_EQ(store.allocated_bytes(), 8 * page_size);
  const UniqueFd fd = store.open_read_only();
  void* const address =
      ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get(), 2 * page_size);
  ASSERT_NE(address, MAP_FAILED);
  auto* const copy = static_cast<std::byte*>(address);
  copy[0] = std::byte{1};  // breaks the sharing
  store.reap({1}, 4);
  EXPECT_EQ(store.allocated_bytes(), 4 * page_size);
  EXPECT_EQ(copy[0], std::byte{1});
  EXPECT_EQ(copy[page_size - 1], std::byte{7});
  ::munmap(address, page_size);
}

TEST(FrameStore, StagingCannotBeShrunkByAPeer) {
  const UniqueFd staging = make_staging(4);
  EXPECT_LT(::ftruncate(staging.get(), 0), 0);
  EXPECT_EQ(figures_of_file(staging.get()).allocated_bytes, 0U);
}

}  // namespace
}  // namespace samepage::dedup
