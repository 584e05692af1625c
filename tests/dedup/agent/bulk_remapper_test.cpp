// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/bulk_remapper.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "dedup/agent/guest_mappings.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "tests/dedup/agent/nothing_runs.hpp"

namespace samepage::dedup {
namespace {

class BulkRemapperTest : public testing::Test {
 protected:
  static constexpr std::uint32_t count = 64;

  BulkRemapperTest() {
    ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
    std::vector<std::byte> frame(page_size);
    for (std::uint32_t page = 0; page < count; ++page) {
      std::memset(frame.data(), static_cast<int>(page) + 1, page_size);
      std::memcpy(host(page), frame.data(), page_size);
      store_.write({count - page}, frame);  // in the opposite order: no two neighbours are neighbours there
    }
  }
  std::byte* host(std::uint32_t page) { return memory_.data() + page * page_size; }
  std::vector<wire::Grant> grants() const {
    std::vector<wire::Grant> all;
    for (std::uint32_t page = 0; page < count; ++page) all.push_back({{page}, {count - page}, 1});
    return all;
  }

  Mapping memory_ = Mapping::anonymous(count * page_size);
  FrameStore store_;
  FrameFiles files_{store_.open_read_only()};
  GuestPages pages_{{{Gfn{0}, PageCount{count}, memory_.data()}}};
  PageStates states_{count};
  Pagemap pagemap_;
  std::unique_ptr<Tracker> tracker_ = make_tracker(TrackerKind::rehash, pages_, states_, pagemap_);
  NothingRuns barrier_;
  MappingBudget budget_{[] { return std::uint64_t{100'000}; }, [this] { return mappings_of(pages_).added; }};
  Shortages shortages_;
  MappingShortage shortage_{shortages_};
  BulkRemapper remapper_{pages_, states_, *tracker_, barrier_, budget_, shortage_};
};

TEST_F(BulkRemapperTest, WhatMergingTakesIsEstimatedFromAbove) {
  const auto merging = remapper_.merge(files_, grants());
  ASSERT_EQ(states_.count(PageStates::State::merged), count);
  EXPECT_EQ(merging.merged.kept.size(), 1U) << "one range of pages";
  EXPECT_GE(budget_.used(), mappings_of(pages_).added);
  EXPECT_GE(mappings_of(pages_).added, count - 1);
}

TEST_F(BulkRemapperTest, WhatGivingBackTakesIsEstimatedFromAbove) {
  std::vector<std::byte> frame(page_size);
  for (std::uint32_t page = 0; page < count; ++page) {
    std::memcpy(frame.data(), host(page), page_size);
    store_.write({1000 + page}, frame);
  }
  (void)remapper_.merge(files_, {{{0}, {1000}, count}});
  for (std::uint32_t page = 0; page < count; ++page) {
    std::memset(host(page), 0, page_size);
    if (page % 2 == 1) host(page)[page_size - 1] = std::byte{1};
    states_.written({page});
  }
  budget_.counted(mappings_of(pages_).added);
  EXPECT_EQ(remapper_.give_back(std::vector<PageRange>{{{0}, count}}), count / 2);
  EXPECT_GE(budget_.used(), mappings_of(pages_).added);
  EXPECT_GE(mappings_of(pages_).added, count - 2);
}

TEST_F(BulkRemapperTest, PagesWithoutAMappingAreUnaffordable) {
  for (std::uint32_t page = 0; page < count; ++page) states_.offered({page});
  MappingBudget small([] { return std::uint64_t{20}; }, [this] { return mappings_of(pages_).added; });
  BulkRemapper remapper(pages_, states_, *tracker_, barrier_, small, shortage_);
  const auto merging = remapper.merge(files_, grants());
  EXPECT_EQ(states_.count(PageStates::State::merged), 10U);
  EXPECT_EQ(states_.count(PageStates::State::unaffordable), count - 10U);
  EXPECT_EQ(merging.failed, 0U);
}

}  // namespace
}  // namespace samepage::dedup
