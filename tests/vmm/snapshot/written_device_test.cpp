// SPDX-License-Identifier: Apache-2.0
// What a snapshot has of disks and of persistent memory.
#include "vmm/snapshot/written_device.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/temporary_directory.hpp"
#include "base/unnamed_file.hpp"
#include "vmm/snapshot/pmem_copy.hpp"

namespace samepage::vmm {
namespace {

using Kind = WrittenDevice::Kind;

const WrittenDevices sample{2,
                            77,
                            {{Kind::disk, 0, {{512, 1024, 1, 0}, {4096, 512, 0, 512}}},
                             {Kind::disk, 3, {}},
                             {Kind::pmem, 0, {{8192, 4096, 0, 4096}}}}};

TEST(WrittenDeviceTest, IsReadAsItWasWritten) {
  EXPECT_EQ(written_devices_of(bytes_of(sample)), sample);
  EXPECT_EQ(written_devices_of(""), WrittenDevices{});
}

TEST(WrittenDeviceTest, BytesThatEndTooEarlyOrTooLateAreRefused) {
  const std::string bytes = bytes_of(sample);
  for (std::size_t count = 1; count < bytes.size(); ++count) {
    EXPECT_THROW(static_cast<void>(written_devices_of(bytes.substr(0, count))), UserError) << count;
  }
  EXPECT_THROW(static_cast<void>(written_devices_of(bytes + '\0')), UserError);
}

TEST(WrittenDeviceTest, PlacesThatMakeNoSenseAreFound) {
  EXPECT_TRUE(makes_sense(sample.list, {2, 0}));
  EXPECT_TRUE(makes_sense(sample.list, {2, 0, 8192}));
  EXPECT_FALSE(makes_sense(sample.list, {1, 0})) << "there is no file 1";
  EXPECT_FALSE(makes_sense(sample.list, {2, 512})) << "it begins before that";
  EXPECT_FALSE(makes_sense(sample.list, {2, 0, 8191})) << "it ends behind that";
  const auto refused = [](const std::vector<WrittenDevice>& devices) {
    return !makes_sense(devices, {2, 0});
  };
  EXPECT_TRUE(refused({{Kind::disk, 0, {{0, 0, 0, 0}}}}));
  EXPECT_TRUE(refused({{Kind::disk, 0, {{0, 513, 0, 0}}}}));
  EXPECT_TRUE(refused({{Kind::disk, 0, {{0, 1024, 0, 0}, {512, 512, 0, 0}}}}));
  EXPECT_TRUE(refused({{Kind::disk, 0, {{~std::uint64_t{511}, 512, 0, 0}}}}));
  EXPECT_TRUE(refused({{Kind::disk, 0, {{0, 512, 0, ~std::uint64_t{511}}}}}));
  EXPECT_TRUE(refused({{Kind::pmem, 0, {{512, 4096, 0, 0}}}}));
  EXPECT_TRUE(refused({{Kind::pmem, 0, {{0, 4096, 0, 512}}}}));
  EXPECT_TRUE(refused({{Kind::disk, 1, {}}, {Kind::disk, 0, {}}}));
  EXPECT_TRUE(refused({{Kind::disk, 1, {}}, {Kind::disk, 1, {}}}));
  EXPECT_TRUE(refused({{Kind::pmem, 0, {}}, {Kind::disk, 0, {}}}));
  EXPECT_TRUE(refused({{static_cast<Kind>(2), 0, {}}}));
}

TEST(WrittenDeviceTest, EveryByteCountsInTheChecksum) {
  const UniqueFd file = unnamed_file("a test");
  check(::ftruncate(file.get(), 8192), "ftruncate");
  const std::vector<WrittenDevice> devices{{Kind::disk, 0, {{0, 1024, 0, 512}, {9 * 512, 512, 0, 4096}}}};
  const std::uint64_t before = checksum_of(file.get(), devices);
  const auto changes = [&](std::uint64_t offset) {
    const std::byte one{1}, zero{0};
    write_at(file.get(), {&one, 1}, offset, "test");
    const bool changed = checksum_of(file.get(), devices) != before;
    write_at(file.get(), {&zero, 1}, offset, "test");
    return changed;
  };
  for (const std::uint64_t inside : {512U, 1535U, 4096U, 4607U}) EXPECT_TRUE(changes(inside)) << inside;
  for (const std::uint64_t outside : {511U, 1536U, 4608U}) EXPECT_FALSE(changes(outside)) << outside;
  check(::ftruncate(file.get(), 4200), "ftruncate");
  EXPECT_NE(checksum_of(file.get(), devices), before) << "it has been cut short";
}

class PmemCopyTest : public testing::Test {
 protected:
  PmemCopyTest() {
    std::ofstream(path()) << std::string(pages * page_size, 'f');
    check(::ftruncate(copied_.get(), static_cast<off_t>(offset + pmem_alignment)), "ftruncate");
  }
  [[nodiscard]] std::string path() const { return directory_.path() + "/pmem"; }
  [[nodiscard]] PmemFile open() const { return PmemFile({path(), PmemAccess::copied, {}}); }
  static void fill(const PmemFile& file, std::uint64_t page, char content) {
    std::memset(file.bytes().data() + page * page_size, content, page_size);
  }
  static std::string content(const PmemFile& file) {
    std::string content;
    for (std::uint64_t page = 0; page < pages + 4; ++page) {
      const auto byte = static_cast<char>(file.bytes()[page * page_size + 9]);
      content += byte == '\0' ? '0' : byte;
    }
    return content;
  }
  /// Another guest's memory that goes on from a copy of `file`; `meanwhile` happens while it is copied.
  PmemFile clone_of(
      const PmemFile& file, const std::function<void()>& meanwhile = [] {}) {
    PmemCopy copy(file, copied_.get(), offset);
    copy.copy_running();
    meanwhile();
    copy.copy_held();
    PmemFile clone = open();
    const auto fd = std::make_shared<const UniqueFd>(checked_fd(::dup(copied_.get()), "dup"));
    clone.begin_from({copy.runs(0), {fd}});
    return clone;
  }

  static constexpr std::uint64_t pages = 60;
  static constexpr std::uint64_t offset = 3 * page_size;
  const TemporaryDirectory directory_;
  UniqueFd copied_ = unnamed_file("a test");
};

TEST_F(PmemCopyTest, ACloneHasWhatWasWrittenAndTheFileElsewhere) {
  const PmemFile parent = open();
  fill(parent, 3, 'a');
  fill(parent, 30, '\0');  // zeros over what the file has
  fill(parent, 62, 'b');   // behind the file's end
  const PmemFile clone = clone_of(parent, [&] {
    fill(parent, 3, 'c');  // once more
    fill(parent, 50, 'd');
  });
  std::string expected(pages, 'f');
  expected += "00b0";
  expected[3] = 'c';
  expected[30] = '0';
  expected[50] = 'd';
  EXPECT_EQ(content(clone), expected);
  fill(clone, 3, 'x');
  fill(parent, 4, 'y');
  EXPECT_EQ(content(parent)[3], 'c');
  EXPECT_EQ(content(clone)[4], 'f');
}

TEST_F(PmemCopyTest, ACloneOfACloneHasBothWrites) {
  const PmemFile parent = open();
  fill(parent, 3, 'a');
  fill(parent, 5, 'a');
  fill(parent, 50, 'a');  // far from all that the clone writes
  const PmemFile clone = clone_of(parent);
  copied_ = unnamed_file("a test");
  check(::ftruncate(copied_.get(), static_cast<off_t>(offset + pmem_alignment)), "ftruncate");
  fill(clone, 5, 'b');
  const PmemFile second = clone_of(clone, [&] { fill(clone, 3, 'c'); });
  EXPECT_EQ(content(second).substr(0, 7), "fffcfbf");
  EXPECT_EQ(content(second)[50], 'a');
  const dedup::MemoryRegion region = region_of(second);
  fill(second, 3, 'd');
  fill(second, 6, 'd');
  EXPECT_EQ(OwnMemory({&region, 1}).put_back({}), 2U);
  EXPECT_EQ(content(second).substr(0, 7), "fffcfbf");
}

}  // namespace
}  // namespace samepage::vmm
