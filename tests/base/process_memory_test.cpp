// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapping.hpp"
#include "base/types.hpp"

namespace samepage {
namespace {

TEST(ProcessMemory, TouchedMemoryIsCounted) {
  const std::uint64_t before = own_memory().pss_anon;
  const Mapping memory = Mapping::anonymous(8U << 20);
  for (std::size_t at = 0; at < memory.size(); at += page_size) memory.data()[at] = std::byte{1};
  const std::uint64_t after = own_memory().pss_anon;
  EXPECT_GE(after, before + (8U << 20));
}

TEST(ProcessMemory, AProcessThatIsNotThereHasNone) {
  EXPECT_FALSE(memory_of(1 << 30));
}

TEST(ProcessMemory, MappingsAreCutToTheRange) {
  const Mapping memory = Mapping::anonymous(8 * page_size);
  ASSERT_EQ(::mprotect(memory.data() + 2 * page_size, page_size, PROT_READ), 0);
  const auto start = reinterpret_cast<std::uint64_t>(memory.data());  // SAFETY: compared, never followed
  const auto ranges = mappings_in(start, start + memory.size());
  ASSERT_EQ(ranges.size(), 3U);
  EXPECT_EQ(ranges.front().start, start);
  EXPECT_EQ(ranges[1].end - ranges[1].start, page_size);
  EXPECT_EQ(ranges.back().end, start + memory.size());
}

TEST(ProcessMemory, TheHostHasMemory) {
  EXPECT_GT(host_memory("MemTotal"), host_memory("MemAvailable"));
  EXPECT_EQ(host_memory("NoSuchField"), 0U);
}

}  // namespace
}  // namespace samepage
