// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/memory_dump.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <vector>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {
namespace {

using dedup::PageState;

TEST(MemoryDump, PagesAreAtTheirAddressesAndTheRestIsHoles) {
  const Mapping low = Mapping::anonymous(4 * page_size);
  const Mapping high = Mapping::anonymous(2 * page_size);
  low.data()[page_size] = std::byte{1};
  high.data()[page_size] = std::byte{2};
  const std::array<dedup::MemoryRegion, 2> regions{{{Gfn{0}, {4}, low.data()}, {Gfn{100}, {2}, high.data()}}};
  const std::array<dedup::PageMapRun, 6> map{{{{Gfn{0}, {1}}, PageState::untouched, {}},
                                              {{Gfn{1}, {1}}, PageState::own, {}},
                                              {{Gfn{2}, {1}}, PageState::zero, {}},
                                              {{Gfn{3}, {1}}, PageState::untouched, {}},
                                              {{Gfn{100}, {1}}, PageState::untouched, {}},
                                              {{Gfn{101}, {1}}, PageState::frame, {7}}}};
  const UniqueFd file = checked_fd(::memfd_create("dump", MFD_CLOEXEC), "memfd_create");
  EXPECT_EQ(dump_memory(file.get(), regions, map), 2 * page_size);
  struct stat info {};
  check(::fstat(file.get(), &info), "fstat");
  EXPECT_EQ(info.st_size, static_cast<off_t>(102 * page_size));
  EXPECT_EQ(static_cast<std::size_t>(info.st_blocks) * 512, 2 * page_size);
  const Mapping copy = Mapping::read_only(file.get(), 102 * page_size);
  EXPECT_EQ(copy.data()[page_size], std::byte{1});
  EXPECT_EQ(copy.data()[101 * page_size], std::byte{2});
}

}  // namespace
}  // namespace samepage::vmm
