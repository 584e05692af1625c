// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/store_trimmer.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/mapping.hpp"

namespace samepage::dedup {
namespace {

class StoreTrimmerTest : public testing::Test {
 protected:
  FrameId make_frame() {
    const FrameId frame = *records_.allocate({frames_++}, FrameId{frames_});
    std::array<std::byte, page_size> bytes{};
    bytes.fill(std::byte{'x'});
    store_.write(frame, bytes);
    return frame;
  }
  [[nodiscard]] std::uint64_t pages() const { return pages_in(store_.allocated_bytes()).value; }
  // What a peer does that maps the store and reads holes of it.
  void read_all() {
    const UniqueFd fd = store_.open_read_only();
    const Mapping mapping = Mapping::read_only(fd.get(), PageCount{store_.end()}.bytes());
    for (std::size_t at = 0; at < mapping.size(); at += page_size) {
      static_cast<void>(*const_cast<volatile const std::byte*>(mapping.data() + at));
    }
  }
  void trim_whole() {
    trimmer_.begin();
    Turn whole(Turn::endless);
    EXPECT_TRUE(trimmer_.go_on(whole));
  }

  FrameStore store_;
  FrameRefs records_;
  StoreTrimmer trimmer_{store_, records_};
  std::uint32_t frames_ = 0;
};

TEST_F(StoreTrimmerTest, FramesThatAreReapedCostNothing) {
  std::vector<FrameId> frames;
  for (int i = 0; i < 8; ++i) frames.push_back(make_frame());
  ASSERT_EQ(pages(), 8U);
  trimmer_.reap({frames[5], frames[1], frames[2], frames[7]});
  EXPECT_EQ(pages(), 4U);
}

TEST_F(StoreTrimmerTest, WithoutHolesInUseThereIsNothingToDo) {
  make_frame();
  trimmer_.begin();
  EXPECT_FALSE(trimmer_.busy());
}

TEST_F(StoreTrimmerTest, MemoryOfNoFrameIsGivenBackInTurns) {
  const FrameId first = make_frame(), second = make_frame();
  make_frame();
  records_.release(second);
  trimmer_.reap({second});
  read_all();
  ASSERT_GT(pages(), 1000U);
  trimmer_.begin();
  EXPECT_TRUE(trimmer_.busy());
  int turns = 0;
  for (bool done = false; !done; ++turns) {
    Turn turn(100);
    done = trimmer_.go_on(turn);
  }
  EXPECT_GT(turns, 5);
  EXPECT_FALSE(trimmer_.busy());
  EXPECT_EQ(pages(), 2U);
  EXPECT_EQ(records_.state(first), FrameState::waiting);
}

}  // namespace
}  // namespace samepage::dedup
