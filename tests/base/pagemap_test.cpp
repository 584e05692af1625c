// SPDX-License-Identifier: Apache-2.0
#include "base/pagemap.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage {
namespace {

std::string name_of(Pagemap::Backend backend) {
  return backend == Pagemap::Backend::newest ? "Newest" : "Words";
}

class PagemapTest : public testing::TestWithParam<Pagemap::Backend> {
 protected:
  Pagemap pagemap_{GetParam()};
};

TEST_P(PagemapTest, PopulatedPagesComeAsRuns) {
  const Mapping memory = Mapping::anonymous(16 * page_size);
  ASSERT_EQ(::madvise(memory.data(), memory.size(), MADV_NOHUGEPAGE), 0);
  for (const std::size_t page : {2U, 3U, 4U, 9U}) memory.data()[page * page_size] = std::byte{1};
  const auto runs = pagemap_.populated(memory.bytes());
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].first, 2U);
  EXPECT_EQ(runs[0].count, 3U);
  EXPECT_EQ(runs[1].first, 9U);
  EXPECT_TRUE(runs[0].is_private());
}

TEST_P(PagemapTest, AFilesPageIsToldFromAPrivateCopyOfIt) {
  const UniqueFd file = checked_fd(::memfd_create("pagemap-test", MFD_CLOEXEC), "memfd_create");
  ASSERT_EQ(::ftruncate(file.get(), 2 * page_size), 0);
  void* const address = ::mmap(nullptr, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(address, MAP_FAILED);
  auto* const bytes = static_cast<std::byte*>(address);
  static_cast<void>(*const_cast<volatile std::byte*>(bytes));
  bytes[page_size] = std::byte{1};
  const auto runs = pagemap_.populated({bytes, 2 * page_size});
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_FALSE(runs[0].is_private());
  EXPECT_TRUE(runs[1].is_private());
  ::munmap(address, 2 * page_size);
}

TEST_P(PagemapTest, MorePagesThanOneCallReturns) {
  constexpr std::size_t pages = 5000;
  const Mapping memory = Mapping::anonymous(pages * page_size);
  ASSERT_EQ(::madvise(memory.data(), memory.size(), MADV_NOHUGEPAGE), 0);
  for (std::size_t page = 0; page < pages; page += 2) memory.data()[page * page_size] = std::byte{1};
  const auto runs = pagemap_.populated(memory.bytes());
  ASSERT_EQ(runs.size(), pages / 2);
  for (std::size_t i = 0; i < runs.size(); ++i) ASSERT_EQ(runs[i].first, 2 * i);
}

INSTANTIATE_TEST_SUITE_P(Backends, PagemapTest,
                         testing::Values(Pagemap::Backend::newest, Pagemap::Backend::words),
                         [](const auto& param) { return name_of(param.param); });

TEST(Pagemap, TheZeroPageIsSeenWhereTheKernelCanTell) {
  const Pagemap pagemap;
  if (!pagemap.sees_zero_page()) GTEST_SKIP() << "PAGEMAP_SCAN needs Linux 6.7";
  const Mapping memory = Mapping::anonymous(page_size);
  static_cast<void>(*const_cast<volatile std::byte*>(memory.data()));
  const auto runs = pagemap.populated(memory.bytes());
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_TRUE(runs[0].is(page_is_zero));
  EXPECT_FALSE(runs[0].is_private());
}

}  // namespace
}  // namespace samepage
