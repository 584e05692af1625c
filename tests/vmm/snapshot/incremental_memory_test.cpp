// SPDX-License-Identifier: Apache-2.0
// A copy of memory that has only what is not the same in a base.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/check.hpp"
#include "base/unnamed_file.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/snapshot/backed_memory.hpp"
#include "vmm/snapshot/memory_checksums.hpp"
#include "vmm/snapshot/memory_copy.hpp"
#include "vmm/snapshot/snapshot_memory.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t offset = page_size;

class IncrementalMemory : public testing::Test {
 protected:
  explicit IncrementalMemory(std::uint32_t pages = 256) : pages_(pages), memory_(PageCount{pages}.bytes()) {
    for (const int file : {base_.get(), file_.get()}) {
      check(::ftruncate(file, static_cast<off_t>(offset + PageCount{pages}.bytes())), "ftruncate");
    }
  }
  std::byte* page(const GuestMemory& memory, std::uint32_t number) const {
    return memory.regions().front().host + PageCount{number}.bytes();
  }
  void fill(std::uint32_t number, int content) { std::memset(page(memory_, number), content, page_size); }
  std::vector<dedup::PageMapRun> map() { return dedup::page_map(memory_.regions(), {}); }
  // What is in memory now, as the base; its file has the number 1.
  SnapshotMemory take_base() {
    MemoryCopy copy(memory_.regions(), {base_.get(), offset}, 0, 1);
    copy.copy(map());
    return {copy.runs(), {{base_.get(), offset}}, {pages_}, 1};
  }
  void expect_the_same(const MemoryCopy& copy) {
    const GuestMemory other(PageCount{pages_}.bytes());
    map_backing(other, std::vector<MemoryFile>{{file_.get(), offset}, {base_.get(), offset}}, copy.runs());
    for (std::uint32_t number = 0; number < pages_; ++number) {
      ASSERT_EQ(std::memcmp(page(memory_, number), page(other, number), page_size), 0) << number;
    }
  }

  std::uint32_t pages_;
  UniqueFd base_ = unnamed_file("a test"), file_ = unnamed_file("a test");
  GuestMemory memory_;
};

TEST_F(IncrementalMemory, HasWhatIsNotTheSameByteByByte) {
  for (std::uint32_t number = 0; number < 200; ++number) fill(number, 1);
  const SnapshotMemory base = take_base();
  fill(7, 2);
  page(memory_, 8)[page_size - 1] = std::byte{2};  // the last byte
  page(memory_, 199)[0] = std::byte{2};            // the first one
  fill(9, 0);
  fill(10, 2), fill(10, 1);  // written, and the same again
  fill(220, 5);              // new
  MemoryCopy copy(memory_.regions(), {file_.get(), offset}, 0);
  copy.reuse_equal(map(), base);
  copy.copy(map());
  EXPECT_EQ(copy.copied_pages(), 4U);
  expect_the_same(copy);
}

TEST_F(IncrementalMemory, APageThatIsWrittenAfterItWasComparedIsCopied) {
  for (std::uint32_t number = 0; number < 20; ++number) fill(number, 1);
  const SnapshotMemory base = take_base();
  MemoryCopy copy(memory_.regions(), {file_.get(), offset}, 0);
  copy.reuse_equal(map(), base);
  copy.copy(map());
  EXPECT_EQ(copy.copied_pages(), 0U);
  fill(3, 2);
  fill(4, 0);
  copy.copy(GfnRange{Gfn{3}, PageCount{2}});
  EXPECT_EQ(copy.copied_pages(), 1U);
  expect_the_same(copy);
}

// What the guest gave up since is not there any more, though the base has it.
TEST_F(IncrementalMemory, MemoryThatIsGoneIsNotTheBases) {
  for (std::uint32_t number = 0; number < 20; ++number) fill(number, 1);
  const SnapshotMemory base = take_base();
  check(::madvise(page(memory_, 5), 3 * page_size, MADV_DONTNEED), "madvise");
  MemoryCopy copy(memory_.regions(), {file_.get(), offset}, 0);
  copy.reuse_equal(map(), base);
  copy.copy(map());
  expect_the_same(copy);
}

TEST_F(IncrementalMemory, ABaseThatIsCutShortIsAnError) {
  for (std::uint32_t number = 0; number < 20; ++number) fill(number, 1);
  const SnapshotMemory base = take_base();
  check(::ftruncate(base_.get(), offset + 10 * page_size + 5), "ftruncate");
  MemoryCopy copy(memory_.regions(), {file_.get(), offset}, 0);
  EXPECT_THROW(copy.reuse_equal(map(), base), UserError);
}

class ScatteredMemory : public IncrementalMemory {
 protected:
  ScatteredMemory() : IncrementalMemory(30'000) {}
};

TEST_F(ScatteredMemory, IsGatheredSoThatAGuestCanMapIt) {
  for (std::uint32_t number = 0; number < pages_; ++number) fill(number, 1);
  const SnapshotMemory base = take_base();
  for (std::uint32_t number = 0; number < pages_; number += 7) fill(number, 2);
  MemoryCopy copy(memory_.regions(), {file_.get(), offset}, 0);
  copy.reuse_equal(map(), base);
  copy.copy(map());
  EXPECT_GT(copy.runs().size(), 8000U);
  copy.gather(base);
  EXPECT_LE(copy.runs().size(), 2048U);
  expect_the_same(copy);
}

TEST_F(IncrementalMemory, WhatIsFewPiecesIsLeftWhereItIs) {
  for (std::uint32_t number = 0; number < 200; ++number) fill(number, 1);
  const SnapshotMemory base = take_base();
  for (std::uint32_t number = 0; number < 200; number += 7) fill(number, 2);
  MemoryCopy copy(memory_.regions(), {file_.get(), offset}, 0);
  copy.reuse_equal(map(), base);
  copy.copy(map());
  const std::uint64_t copied = copy.copied_pages();
  copy.gather(base);
  EXPECT_EQ(copy.copied_pages(), copied);
}

TEST(MemoryChecksums, ThereIsOneForEachPieceOfThisFile) {
  const std::vector<SnapshotRun> runs{{{{0}, 10}}, {{{60}, 8}}, {{{100}, 4}, 0, 1}, {{{128}, 129}}};
  EXPECT_EQ(checksum_pieces(runs),
            (std::vector<PageRange>{{{0}, 10}, {{60}, 4}, {{64}, 4}, {{128}, 64}, {{192}, 64}, {{256}, 1}}));
}

TEST(MemoryChecksums, DependOnEveryByteOfTheirPieceAndOnNothingElse) {
  const UniqueFd file = unnamed_file("a test");
  check(::ftruncate(file.get(), offset + 8 * page_size), "ftruncate");
  const std::vector<PageRange> pieces{{{1}, 2}, {{5}, 1}};
  const auto checksums = [&] { return checksums_of({file.get(), offset}, pieces, {8}); };
  const auto before = checksums();
  ASSERT_EQ(before.size(), 2U);
  const auto flip = [&](std::uint64_t at) {
    std::byte byte{};
    ASSERT_EQ(::pread(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
    byte ^= std::byte{0x10};
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
  };
  for (const std::uint64_t at :
       {offset + page_size, offset + 2 * page_size + 77, offset + 3 * page_size - 1}) {
    flip(at);
    EXPECT_NE(checksums()[0], before[0]) << at;
    EXPECT_EQ(checksums()[1], before[1]) << at;
    flip(at);
  }
  for (const std::uint64_t at : {std::uint64_t{0}, offset, offset + 3 * page_size, offset + 6 * page_size}) {
    flip(at);
    EXPECT_EQ(checksums(), before) << at;
    flip(at);
  }
  check(::ftruncate(file.get(), offset + 6 * page_size - 1), "ftruncate");
  EXPECT_THROW(static_cast<void>(checksums()), UserError);
}

}  // namespace
}  // namespace samepage::vmm
