// SPDX-License-Identifier: Apache-2.0
// The page map when the kernel has swapped pages out: they have content, unlike pages that were never
// touched. Needs root, for a swap file of its own.
#include "dedup/agent/page_map.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "base/pagemap.hpp"
#include "base/temporary_directory.hpp"
#include "base/write_tracking.hpp"
#include "dedup/daemon/frame_store.hpp"

namespace samepage::dedup {
namespace {

// A swap file while the test runs. Its header: include/linux/swap.h, union swap_header.
class SwapFile {
 public:
  SwapFile() {
    const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const std::vector<std::byte> zeros(PageCount{pages}.bytes());  // no holes: the kernel refuses these
    if (!file || ::write(file.get(), zeros.data(), zeros.size()) != static_cast<ssize_t>(zeros.size()))
      return;
    const std::array<std::uint32_t, 3> header{1, pages - 1, 0};  // version, last page, bad pages
    if (::pwrite(file.get(), header.data(), sizeof(header), 1024) < 0) return;
    if (::pwrite(file.get(), "SWAPSPACE2", 10, page_size - 10) < 0) return;
    on_ = ::swapon(path_.c_str(), 0) == 0;
  }
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;
  ~SwapFile() {
    if (on_) ::swapoff(path_.c_str());
  }
  explicit operator bool() const { return on_; }

 private:
  static constexpr std::uint32_t pages = 2048;
  const TemporaryDirectory directory_{"/var/tmp"};
  const std::string path_ = directory_.path() + "/swap";
  bool on_ = false;
};

class SwappedPages : public testing::Test {
 protected:
  static constexpr std::uint32_t count = 16;

  void SetUp() override {
    if (!swap_) GTEST_SKIP() << "needs root and a file system that can hold a swap file";
    ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
  }
  std::span<std::byte> page(std::uint32_t n, std::uint32_t pages = 1) {
    return memory_.bytes().subspan(n * page_size, pages * page_size);
  }
  /// Pages [0, pages) are the guest's own from now on, filled with their number and one.
  void fill(std::uint32_t pages) {
    for (std::uint32_t n = 0; n < pages; ++n) std::memset(page(n).data(), static_cast<int>(n + 1), page_size);
  }
  // As the tracker does with quiet pages; false where the kernel can't.
  bool protect() {
    tracking_ = WriteTracking::probe();
    return tracking_ && tracking_->add(memory_.bytes()) &&
           tracking_->take_written(memory_.bytes(), Pagemap::Files::possible, [](const PageRun&) {});
  }
  bool swap_out(std::uint32_t n, std::uint32_t pages) {
    const auto bytes = page(n, pages);
    for (int tries = 0; tries < 100; ++tries) {  // the kernel may not find a page at once
      ::madvise(bytes.data(), bytes.size(), MADV_PAGEOUT);
      bool out = true;
      for (const PageRun& run : Pagemap().populated(bytes)) out = out && !run.is(page_is_present);
      if (out) return true;
      ::usleep(1000);
    }
    return false;
  }
  std::vector<PageMapRun> map(const std::function<KnownPage(Gfn)>& known = {}) {
    return page_map(regions_, known);
  }

  const SwapFile swap_;
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
  FrameStore store;
  for (std::uint32_t frame = 0; frame < 8; ++frame)
    store.write({frame}, std::vector<std::byte>(page_size, static_cast<std::byte>(frame + 1)));
  const UniqueFd fd = store.open_read_only();
  // SAFETY: memory of this test.
  ASSERT_NE(
      ::mmap(memory_.data(), 8 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd.get(), 0),
      MAP_FAILED);
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

}  // namespace
}  // namespace samepage::dedup
