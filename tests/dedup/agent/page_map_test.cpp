// SPDX-License-Identifier: Apache-2.0
// The page map when the kernel has swapped pages out: they have content, unlike pages that were never
// touched. Needs root, for a swap file of its own.
#include "dedup/agent/page_map.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "base/pagemap.hpp"
#include "base/write_tracking.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "tests/base/swap_file.hpp"

namespace samepage::dedup {
namespace {

class SwappedPages : public testing::Test {
 protected:
  static constexpr std::uint32_t count = 16;

  void SetUp() override {
    if (!swap_) GTEST_SKIP() << SwapFile::why_not;
    ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
  }
  std::span<std::byte> page(std::uint32_t n, std::uint32_t pages = 1) {
    return memory_.bytes().subspan(n * page_size, pages * page_size);
  }
  /// Pages [0, pages) are the guest's own from now on, filled with their number and one.
  void fill(std::uint32_t pages) {
    for (std::uint32_t n = 0; n < pages; ++n) std::memset(page(n).data(), static_cast<int>(n + 1), page_size);
  }
  /// Pages [0, 8) are a mapping of frames that are filled in the same way.
  void map_frames() {
    for (std::uint32_t frame = 0; frame < 8; ++frame)
      store_.write({frame}, std::vector<std::byte>(page_size, static_cast<std::byte>(frame + 1)));
    const UniqueFd fd = store_.open_read_only();
    // SAFETY: memory of this test.
    ASSERT_NE(
        ::mmap(memory_.data(), 8 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd.get(), 0),
        MAP_FAILED);
  }
  // As the tracker does with quiet pages; false where the kernel can't.
  bool protect() {
    tracking_ = WriteTracking::probe();
    return tracking_ && tracking_->add(memory_.bytes()) &&
           tracking_->take_written(memory_.bytes(), Pagemap::Files::possible, [](const PageRun&) {});
  }
  bool swap_out(std::uint32_t n, std::uint32_t pages) { return samepage::swap_out(page(n, pages)); }
  std::vector<PageMapRun> map(const std::function<KnownPage(Gfn)>& known = {}) {
    return page_map(regions_, known);
  }

  const SwapFile swap_;
  FrameStore store_;
  Mapping memory_ = Mapping::anonymous(count * page_size);
  const std::array<MemoryRegion, 1> regions_{MemoryRegion{Gfn{0}, PageCount{count}, memory_.data()}};
  std::optional<WriteTracking> tracking_;
};

TEST_F(SwappedPages, AreNotUntouched) {
  fill(8);
  if (!swap_out(0, 8)) GTEST_SKIP() << "the kernel does not swap these pages out";
  const auto runs = map();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].state, PageState::swapped);
  EXPECT_EQ(runs[0].range.pages.value, 8U);
  EXPECT_EQ(runs[1].state, PageState::untouched);
  const MemoryFigures figures = figures_of(regions_, runs);
  EXPECT_EQ(figures.private_bytes, 8 * page_size);
  EXPECT_EQ(figures.swapped_bytes, 8 * page_size);
}

// A page that was quiet when it went out looks in the page tables like one that was never there.
TEST_F(SwappedPages, AreNotUntouchedAlsoWhenTheyWereQuiet) {
  fill(8);
  if (!protect()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  if (!swap_out(0, 8)) GTEST_SKIP() << "the kernel does not swap these pages out";
  const auto runs = map();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].state, PageState::swapped);
  EXPECT_EQ(runs[0].range.pages.value, 8U);
}

// In a mapping of a store the same entry may stand for a frame: what the agent knows decides.
TEST_F(SwappedPages, OfAStoreMappingAreOwnWhereTheyWereWritten) {
  map_frames();
  fill(4);  // broken; the others are frames
  ASSERT_EQ(page(6)[0], std::byte{7});
  if (!protect()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  if (!swap_out(0, 8)) GTEST_SKIP() << "the kernel does not swap these pages out";
  const auto runs = map([](Gfn gfn) { return KnownPage{false, gfn.value >= 4 && gfn.value < 8}; });
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].state, PageState::swapped);
  EXPECT_EQ(runs[0].range.pages.value, 4U);
  EXPECT_EQ(runs[1].state, PageState::frame);
  EXPECT_EQ(runs[1].range.pages.value, 4U);
  EXPECT_EQ(page(6)[0], std::byte{7});
}

// Without an agent nobody knows of writes: a page that was protected again may have been written before.
TEST_F(SwappedPages, OfAFileAreOwnWhereNobodyKnowsOfWrites) {
  map_frames();
  fill(4);
  if (!protect()) GTEST_SKIP() << "asynchronous write protection needs Linux 6.7";
  if (!swap_out(0, 4)) GTEST_SKIP() << "the kernel does not swap these pages out";
  const auto runs = map([](Gfn) { return KnownPage{.backed = true, .writes_are_seen = false}; });
  ASSERT_GE(runs.size(), 2U);
  EXPECT_EQ(runs[0].state, PageState::swapped);
  EXPECT_EQ(runs[0].range.pages.value, 4U);
  EXPECT_EQ(runs[1].state, PageState::backed);
}

// The map of pieces is that of single pages, wherever runs of memory, mappings and what is known begin and
// end.
TEST(PageMap, WhatIsKnownOfPiecesGivesTheMapOfSinglePages) {
  constexpr std::uint32_t count = 64;
  FrameStore store;
  for (std::uint32_t frame = 0; frame < 20; ++frame)
    store.write({frame}, std::vector<std::byte>(page_size, static_cast<std::byte>(frame + 1)));
  const UniqueFd fd = store.open_read_only();
  const Mapping memory = Mapping::anonymous(count * page_size);
  ::madvise(memory.data(), memory.size(), MADV_NOHUGEPAGE);
  const auto map_frames = [&](std::uint32_t page, std::uint32_t pages, std::uint32_t frame) {
    // SAFETY: memory of this test.
    ASSERT_NE(::mmap(memory.data() + page * page_size, pages * page_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED, fd.get(), static_cast<off_t>(frame * page_size)),
              MAP_FAILED);
  };
  map_frames(8, 10, 0);
  map_frames(18, 2, 15);
  map_frames(20, 4, 17);
  map_frames(40, 6, 3);
  for (const std::uint32_t page : {0U, 1U, 10U, 11U, 18U, 45U, 50U})
    memory.data()[page * page_size] = std::byte{9};
  const std::array<MemoryRegion, 1> regions{MemoryRegion{Gfn{0}, PageCount{count}, memory.data()}};
  const auto known = [](Gfn gfn) {
    const std::uint64_t page = gfn.value;
    return KnownPage{.given_back = page >= 30 && page < 37,
                     .merged = page >= 8 && page < 24,
                     .backed = page >= 40 && page < 43,
                     .paged = page == 21 || page == 22};
  };
  const auto in_pieces = [&](Gfn gfn) {
    KnownPage first = known(gfn);
    const auto is_same = [&](const KnownPage& next) {
      return next.given_back == first.given_back && next.merged == first.merged &&
             next.backed == first.backed && next.paged == first.paged;
    };
    while (gfn.value + first.pages.value < count && is_same(known(gfn + first.pages)))
      first.pages += PageCount{1};
    return first;
  };
  const auto text_of = [&](const std::vector<PageMapRun>& map) {
    std::string text;
    for (const PageMapRun& run : map) {
      text += std::to_string(run.range.first.value) + "+" + std::to_string(run.range.pages.value) + ":" +
              std::to_string(static_cast<int>(run.state));
      if (run.state == PageState::frame) text += ">" + std::to_string(run.first_frame.value);
      text += " ";
    }
    return text;
  };
  const std::string single = text_of(page_map(regions, known));
  EXPECT_EQ(text_of(page_map(regions, in_pieces)), single);
  EXPECT_NE(single.find("8+2:"), std::string::npos) << single;
  EXPECT_NE(single.find("30+7:"), std::string::npos) << single;
}

}  // namespace
}  // namespace samepage::dedup
