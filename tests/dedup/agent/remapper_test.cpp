// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/remapper.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/memory_file.hpp"
#include "base/pagemap.hpp"
#include "base/process_memory.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "tests/dedup/agent/nothing_runs.hpp"

namespace samepage::dedup {
namespace {

class RemapperTest : public testing::Test {
 protected:
  static constexpr std::uint32_t count = 96;

  RemapperTest() {
    ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
    for (std::uint32_t page = 0; page < count; ++page) {
      std::memset(bytes(page), static_cast<int>(page), page_size);
      store_.write({page}, {bytes(page), page_size});
    }
  }
  std::byte* bytes(std::uint32_t page) { return memory_.data() + page * page_size; }
  wire::Merged merge(std::uint32_t page, std::uint32_t frame, std::uint32_t pages) {
    wire::Merged merged;
    const PausedGuest held(barrier_);
    for (const auto& candidate : copies_.read(files_, std::array{wire::Grant{page, frame, pages}}))
      remapper_.merge(held, files_, candidate, merged);
    remapper_.keep_from_children(held);
    return merged;
  }
  Remapper::Given give_back(std::uint32_t page, std::uint32_t pages) {
    const PausedGuest held(barrier_);
    return remapper_.give_back(held, {{page}, pages});
  }
  static UniqueFd memory_file_with(const std::vector<std::byte>& content) {
    // SAFETY: char may alias any bytes.
    return samepage::memory_file_with(
        "slots", std::string_view(reinterpret_cast<const char*>(content.data()), content.size()));
  }
  bool on_file(std::uint32_t page) {
    const auto start = reinterpret_cast<std::uint64_t>(bytes(page));  // SAFETY: compared, never followed
    const auto found = mappings_in(start, start + page_size);
    return found.size() == 1 && found[0].inode != 0;
  }

  // Mappings that begin in [from, to) and that a child would get: madvise marks the others as not to be
  // copied (VmFlags "dc").
  static std::size_t inheritable_mappings(const std::byte* from, const std::byte* to) {
    std::ifstream smaps("/proc/self/smaps");
    std::string line;
    std::size_t found = 0, seen = 0;
    bool inside = false;
    while (std::getline(smaps, line)) {
      std::uint64_t start = 0, end = 0;
      if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64, &start, &end) == 2) {
        inside = start >= address_of(from) && start < address_of(to);
        if (inside) ++seen;
      } else if (inside && line.starts_with("VmFlags:")) {
        if (line.find(" dc") == std::string::npos) ++found;
      }
    }
    EXPECT_GT(seen, 0U);
    return found;
  }

  Mapping memory_ = Mapping::anonymous(count * page_size);
  FrameStore store_;
  GuestPages pages_{{{Gfn{0}, PageCount{count}, memory_.data()}}};
  PageStates states_{count};
  Remapper remapper_{pages_, states_};
  FrameCopies copies_;
  FrameFiles files_{store_.open_read_only()};
  NothingRuns barrier_;
};

TEST_F(RemapperTest, WhatIsMappedOnceMoreHasNoTableEntriesAndKeepsWhatWasWritten) {
  static_cast<void>(merge(2, 2, 8));
  for (std::uint32_t page = 2; page < 10; ++page) EXPECT_EQ(*bytes(page), static_cast<std::byte>(page));
  *bytes(5) = std::byte{77};  // nobody has noticed yet
  states_.written({7});
  *bytes(7) = std::byte{78};
  const Pagemap pagemap;
  {
    const PausedGuest held(barrier_);
    EXPECT_EQ(remapper_.map_again(held, pagemap, {{{2}, 8}, 2 * page_size, files_.store()}), 3U);
    remapper_.keep_from_children(held);
  }
  std::size_t present = 0;
  for (const PageRun& run : pagemap.populated({bytes(2), 8 * page_size})) present += run.count;
  EXPECT_EQ(present, 2U);
  EXPECT_EQ(inheritable_mappings(bytes(2), bytes(10)), 0U);
  for (std::uint32_t page = 2; page < 10; ++page) {
    const std::uint32_t expected = page == 5 ? 77 : page == 7 ? 78 : page;
    EXPECT_EQ(*bytes(page), static_cast<std::byte>(expected));
  }
}

TEST_F(RemapperTest, AMergedPageGetsASlotInPlaceOfItsFrameAndNothingElse) {
  static_cast<void>(merge(2, 2, 2));
  EXPECT_TRUE(merge(2, 2, 1).kept.empty()) << "another frame of the store";
  std::vector<std::byte> content(2 * page_size);
  std::memset(content.data(), 2, content.size());  // what page 2 has; page 3 has something else
  files_.set_slots(0, memory_file_with(content));
  const wire::Merged moved = merge(2, slot_at(0, 0).value, 2);
  EXPECT_EQ(moved.kept, (std::vector<PageRange>{{{2}, 1}}));
  EXPECT_EQ(moved.refused, (std::vector<PageRange>{{{3}, 1}}));
  EXPECT_TRUE(states_.is_paged({2}));
  EXPECT_TRUE(states_.is_in_store({3})) << "it keeps its frame";
  EXPECT_EQ(*bytes(3), std::byte{3});
  EXPECT_TRUE(merge(2, slot_at(0, 0).value, 1).kept.empty()) << "it is there already";
}

TEST_F(RemapperTest, EqualPagesAreMappedAsOneRun) {
  const wire::Merged merged = merge(2, 2, 8);
  ASSERT_EQ(merged.kept.size(), 1U);
  EXPECT_EQ(merged.kept[0].count, 8U);
  EXPECT_TRUE(merged.refused.empty());
  for (std::uint32_t page = 2; page < 10; ++page) {
    EXPECT_TRUE(on_file(page));
    EXPECT_EQ(*bytes(page), static_cast<std::byte>(page));
  }
  EXPECT_FALSE(on_file(1));
  const auto start = reinterpret_cast<std::uint64_t>(bytes(0));  // SAFETY: compared, never followed
  EXPECT_EQ(mappings_in(start, start + memory_.size()).size(), 3U);
}

TEST_F(RemapperTest, APageThatDiffersInItsLastByteIsLeftAlone) {
  bytes(5)[page_size - 1] = std::byte{0xee};
  const wire::Merged merged = merge(4, 4, 3);
  ASSERT_EQ(merged.refused.size(), 1U);
  EXPECT_EQ(merged.refused[0].first.value, 5U);
  EXPECT_EQ(bytes(5)[page_size - 1], std::byte{0xee});
  EXPECT_FALSE(on_file(5));
  EXPECT_TRUE(on_file(4));
  EXPECT_TRUE(on_file(6));
}

TEST_F(RemapperTest, PagesAreNotMappedBeyondTheStoresEnd) {
  struct stat info {};
  ASSERT_EQ(::fstat(store_.open_read_only().get(), &info), 0);
  const auto end = static_cast<std::uint32_t>(pages_in(static_cast<std::uint64_t>(info.st_size)).value);
  std::memset(bytes(4), 0, 2 * page_size);  // as the store's last frame is
  const wire::Merged merged = merge(4, end - 1, 2);
  ASSERT_EQ(merged.kept.size(), 1U);
  EXPECT_EQ(merged.kept[0].first.value, 4U);
  EXPECT_EQ(merged.kept[0].count, 1U);
  ASSERT_EQ(merged.refused.size(), 1U);
  EXPECT_EQ(merged.refused[0].first.value, 5U);
  EXPECT_FALSE(on_file(5));
}

TEST_F(RemapperTest, AWriteMakesACopyForThisGuestAlone) {
  merge(3, 3, 1);
  bytes(3)[0] = std::byte{0xaa};
  std::byte frame[1];
  ASSERT_EQ(::pread(store_.open_read_only().get(), frame, 1, 3 * page_size), 1);
  EXPECT_EQ(frame[0], std::byte{3});
  EXPECT_EQ(bytes(3)[1], std::byte{3});
}

TEST_F(RemapperTest, APageThatIsMergedAlreadyIsNotMergedAgain) {
  merge(3, 3, 1);
  const wire::Merged again = merge(3, 3, 1);
  EXPECT_TRUE(again.kept.empty());
  ASSERT_EQ(again.refused.size(), 1U);
}

TEST_F(RemapperTest, ZeroPagesAreGivenBackAndReadAsZero) {
  std::memset(bytes(6), 0, 3 * page_size);
  bytes(7)[100] = std::byte{1};
  EXPECT_EQ(give_back(5, 5).pages, 2U);
  const Pagemap pagemap;
  EXPECT_TRUE(pagemap.populated({bytes(6), page_size}).empty());
  EXPECT_FALSE(pagemap.populated({bytes(7), page_size}).empty());
  EXPECT_EQ(bytes(6)[0], std::byte{0});
  EXPECT_EQ(bytes(7)[100], std::byte{1});
  EXPECT_EQ(*bytes(5), std::byte{5});
}

TEST_F(RemapperTest, AZeroedCopyOverAFrameNeverShowsTheFrameAgain) {
  merge(3, 3, 1);
  std::memset(bytes(3), 0, page_size);  // breaks the sharing
  states_.written({3});                 // as the agent does when it sees that
  // The frame is another one by now: dropping the copy would show it to the guest.
  const std::vector<std::byte> foreign(page_size, std::byte{0x66});
  store_.reap({3}, 1);
  store_.write({3}, foreign);
  ASSERT_EQ(give_back(3, 1).replaced, 1U);
  for (std::size_t at = 0; at < page_size; ++at) ASSERT_EQ(bytes(3)[at], std::byte{0}) << at;
  EXPECT_FALSE(on_file(3));
}

// Whatever fails after the guest's page was replaced: its bytes are there again.
TEST_F(RemapperTest, BytesAreCopiedBackAlsoWhenTheNewMappingCannotBeTracked) {
  merge(4, 4, 4);
  std::memset(bytes(5), 0x77, page_size);  // a copy of this guest alone
  const PausedGuest held(barrier_);
  const auto refuse = [](std::span<const std::byte>) { throw std::runtime_error("not tracked"); };
  EXPECT_THROW((void)remapper_.unmerge(held, {{4}, 4}, refuse), std::runtime_error);
  for (const std::uint32_t page : {4U, 6U, 7U}) {
    EXPECT_EQ(std::count(bytes(page), bytes(page) + page_size, static_cast<std::byte>(page)), page_size)
        << page;
  }
  EXPECT_EQ(std::count(bytes(5), bytes(5) + page_size, std::byte{0x77}), page_size);
}

TEST_F(RemapperTest, NothingOfAGuestIsInheritedByAChild) {
  merge(12, 12, 2);
  merge(2, 2, 4);
  std::memset(bytes(3), 0, page_size);
  states_.written({3});
  give_back(3, 1);
  for (const std::uint32_t page : {2U, 3U, 4U, 12U}) {
    EXPECT_EQ(inheritable_mappings(bytes(page), bytes(page + 1)), 0U) << page;
  }
}

// Within one hold, in any order: the longest runs come first where mappings are scarce. Near each other and
// far apart.
TEST_F(RemapperTest, NothingIsInheritedInWhateverOrderRunsAreMapped) {
  const std::array order{wire::Grant{8, 8, 1},   wire::Grant{2, 2, 2},  wire::Grant{13, 13, 1},
                         wire::Grant{90, 90, 1}, wire::Grant{5, 5, 1},  wire::Grant{50, 50, 1},
                         wire::Grant{52, 52, 1}, wire::Grant{11, 11, 1}};
  {
    wire::Merged merged;
    const PausedGuest held(barrier_);
    for (const auto& candidate : copies_.read(files_, order))
      remapper_.merge(held, files_, candidate, merged);
    remapper_.keep_from_children(held);
  }
  EXPECT_EQ(inheritable_mappings(bytes(2), bytes(4)), 0U);
  for (const std::uint32_t page : {5U, 8U, 11U, 13U, 50U, 52U, 90U}) {
    EXPECT_TRUE(on_file(page)) << page;
    EXPECT_EQ(inheritable_mappings(bytes(page), bytes(page + 1)), 0U) << page;
  }
}

}  // namespace
}  // namespace samepage::dedup
