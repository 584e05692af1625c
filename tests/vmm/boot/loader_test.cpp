// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "base/pagemap.hpp"
#include "tests/vmm/boot/pvh_elf.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

template <typename Value>
Value read(const GuestMemory& memory, Gpa address) {
  Value value{};
  std::memcpy(&value, memory.at(address, sizeof(value))->data(), sizeof(value));
  return value;
}

TEST(Loader, CopiesWhatTheFileHasAndTouchesNothingElse) {
  const test::PvhElf elf({{0x10'0000, {1, 2, 3}, 0x10'0000}});
  const auto file = elf.bytes();
  const GuestMemory memory(16U << 20);
  load_segments(std::get<Image>(parse_image(file)), file, memory);
  EXPECT_EQ(read<std::uint32_t>(memory, Gpa{0x10'0000}), 0x03'02'01U);
  const auto populated = Pagemap().populated(memory.regions()[0].bytes());
  ASSERT_EQ(populated.size(), 1U);  // the bss is not written
  EXPECT_EQ(populated[0].first, 0x100U);
  EXPECT_EQ(populated[0].count, 1U);
}

// Notes what it is given and puts nothing anywhere.
class NotingPlacer final : public dedup::ImagePlacer {
 public:
  void place(std::span<const dedup::ImagePart> parts) override {
    ++calls_;
    parts_.assign(parts.begin(), parts.end());
  }
  int calls_ = 0;
  std::vector<dedup::ImagePart> parts_;
};

std::vector<std::uint8_t> count_up(std::size_t bytes) {
  std::vector<std::uint8_t> result(bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    result[i] = static_cast<std::uint8_t>(i / page_size * 16 + i % 15 + 1);
  return result;
}

TEST(Loader, WholePagesGoThroughThePlacer) {
  const auto content = count_up(3 * page_size);
  // Starts 0x800 before a page, ends 0x800 behind one: two pages are covered whole. The second covers one
  // exactly; the third and fourth none.
  const test::PvhElf elf({{0x10'0800, content, 0x8000},
                          {0x20'0000, count_up(page_size), 0x1000},
                          {0x30'0010, count_up(page_size), 0x1000},
                          {0x40'0000, count_up(page_size - 1), 0x1000}});
  const auto file = elf.bytes();
  const GuestMemory memory(16U << 20);
  NotingPlacer placer;
  load_segments(std::get<Image>(parse_image(file)), file, memory, &placer);
  EXPECT_EQ(placer.calls_, 1);
  ASSERT_EQ(placer.parts_.size(), 2U);
  EXPECT_EQ(placer.parts_[0].first, Gfn{0x101});
  ASSERT_EQ(placer.parts_[0].bytes.size(), 2 * page_size);
  EXPECT_EQ(std::memcmp(placer.parts_[0].bytes.data(), content.data() + 0x800, 2 * page_size), 0);
  EXPECT_EQ(placer.parts_[1].first, Gfn{0x200});
  EXPECT_EQ(placer.parts_[1].bytes.size(), page_size);
  // What is no whole page was copied, and nothing else.
  EXPECT_EQ(std::memcmp(memory.at(Gpa{0x10'0800}, 0x800)->data(), content.data(), 0x800), 0);
  EXPECT_EQ(std::memcmp(memory.at(Gpa{0x10'3000}, 0x800)->data(), content.data() + 0x2800, 0x800), 0);
  EXPECT_EQ(std::memcmp(memory.at(Gpa{0x30'0010}, page_size)->data(), count_up(page_size).data(), page_size),
            0);
  EXPECT_EQ(std::memcmp(memory.at(Gpa{0x40'0000}, page_size - 1)->data(), count_up(page_size).data(),
                        page_size - 1),
            0);
  std::vector<std::uint64_t> populated;
  for (const PageRun& run : Pagemap().populated(memory.regions()[0].bytes())) {
    for (std::size_t i = 0; i < run.count; ++i) populated.push_back(run.first + i);
  }
  EXPECT_EQ(populated, (std::vector<std::uint64_t>{0x100, 0x103, 0x300, 0x301, 0x400}));
}

}  // namespace
}  // namespace samepage::vmm
