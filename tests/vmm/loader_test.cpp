// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "base/pagemap.hpp"
#include "tests/vmm/pvh_elf.hpp"
#include "vmm/boot/layout.hpp"

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

}  // namespace
}  // namespace samepage::vmm
