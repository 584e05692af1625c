// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/pmem.hpp"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"
#include "vmm/devices/virtio/disk_file.hpp"

namespace samepage::vmm::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t data = FakeDriver::data;

class PmemTest : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(path(), std::ios::binary) << std::string(10'000, 'x'); }
  [[nodiscard]] std::string path() const { return directory_.path() + "/file"; }
  [[nodiscard]] char first_byte_of_file() const { return static_cast<char>(std::ifstream(path()).get()); }
  std::string why_not(PmemAccess access) const {
    try {
      const PmemFile file({path(), access, {}});
    } catch (const UserError& error) {
      return error.what();
    }
    return "it can be used";
  }
  static std::uint32_t flush(FakeDriver& driver) {
    driver.ram_.put<std::uint32_t>(data, 0);
    driver.ram_.put<std::uint32_t>(data + 64, 0xffff);
    driver.request(0, {{data, 4}, {data + 64, 4, write_flag}});
    driver.serve();
    return driver.ram_.take<std::uint32_t>(data + 64);
  }

  const TemporaryDirectory directory_;
};

TEST_F(PmemTest, IsFilledUpWithZerosToTwoMebibytes) {
  const PmemFile file({path(), PmemAccess::copied, {}});
  EXPECT_EQ(file.bytes().size(), pmem_alignment);
  EXPECT_EQ(file.bytes()[9'999], std::byte{'x'});
  EXPECT_EQ(file.bytes()[10'000], std::byte{0});
  file.bytes()[pmem_alignment - 1] = std::byte{1};
}

TEST_F(PmemTest, SharedIsSeenByAllAndByTheFile) {
  const PmemFile one({path(), PmemAccess::shared, {}});
  const PmemFile other({path(), PmemAccess::shared, {}});
  const PmemFile reader({path(), PmemAccess::read_only, {}});
  one.bytes()[0] = std::byte{'!'};
  EXPECT_EQ(other.bytes()[0], std::byte{'!'});
  EXPECT_EQ(reader.bytes()[0], std::byte{'!'});
  EXPECT_TRUE(one.flush());
  EXPECT_EQ(first_byte_of_file(), '!');
}

TEST_F(PmemTest, PrivateIsSeenByNobody) {
  const PmemFile own({path(), PmemAccess::copied, {}});
  const PmemFile other({path(), PmemAccess::copied, {}});
  own.bytes()[0] = std::byte{'p'};
  EXPECT_EQ(other.bytes()[0], std::byte{'x'});
  EXPECT_EQ(first_byte_of_file(), 'x');
}

// A disk that is only read, an overlay and a private copy are of a file that must not change.
TEST_F(PmemTest, WhatIsSharedIsNobodysWhoMustNotSeeItChange) {
  const auto disk_too = [&](DiskAccess access) {
    try {
      const DiskFile disk({path(), access});
      return true;
    } catch (const UserError&) {
      return false;
    }
  };
  const std::string usable = "it can be used";
  {
    const PmemFile shared({path(), PmemAccess::shared, {}});
    EXPECT_FALSE(disk_too(DiskAccess::read_only));
    EXPECT_FALSE(disk_too(DiskAccess::overlay));
    EXPECT_FALSE(disk_too(DiskAccess::read_write));
    EXPECT_THAT(why_not(PmemAccess::copied), HasSubstr("another guest writes it"));
    EXPECT_EQ(why_not(PmemAccess::read_only), usable);
    EXPECT_EQ(why_not(PmemAccess::shared), usable);
  }
  {
    const PmemFile copy({path(), PmemAccess::copied, {}});
    const DiskFile disk({path(), DiskAccess::overlay});
    const PmemFile reader({path(), PmemAccess::read_only, {}});
    EXPECT_FALSE(disk_too(DiskAccess::read_write));
    EXPECT_THAT(why_not(PmemAccess::shared), HasSubstr("must not see it change"));
    EXPECT_EQ(why_not(PmemAccess::copied), usable);
    EXPECT_TRUE(disk_too(DiskAccess::read_only));
  }
  const PmemFile reader({path(), PmemAccess::read_only, {}});
  EXPECT_EQ(why_not(PmemAccess::shared), usable);
  EXPECT_FALSE(disk_too(DiskAccess::read_write));
  EXPECT_TRUE(disk_too(DiskAccess::overlay));
}

TEST_F(PmemTest, TellsWhereItIsAndFlushes) {
  const PmemFile file({path(), PmemAccess::shared, {}});
  Pmem device(file, Gpa{0x1'4000'0000});
  FakeDriver driver(device);
  driver.start();
  EXPECT_EQ(driver.get(0x100), 0x4000'0000U);
  EXPECT_EQ(driver.get(0x104), 1U);
  EXPECT_EQ(driver.get(0x108), pmem_alignment);
  EXPECT_EQ(flush(driver), 0U);
}

TEST_F(PmemTest, AWriteToReadOnlyMemoryFailsTheNextFlush) {
  const PmemFile file({path(), PmemAccess::read_only, {}});
  Pmem device(file, Gpa{0x1'0000'0000});
  FakeDriver driver(device);
  driver.start();
  EXPECT_EQ(flush(driver), 0U);
  device.dropped_writes().write(0, std::array{std::byte{1}});
  EXPECT_EQ(flush(driver), 1U);
  EXPECT_EQ(flush(driver), 0U);
  EXPECT_EQ(file.bytes()[0], std::byte{'x'});
}

TEST_F(PmemTest, UnknownRequestsFail) {
  const PmemFile file({path(), PmemAccess::shared, {}});
  Pmem device(file, Gpa{0x1'0000'0000});
  FakeDriver driver(device);
  driver.start();
  driver.ram_.put<std::uint32_t>(data, 1);
  driver.request(0, {{data, 4}, {data + 64, 4, write_flag}});
  driver.serve();
  EXPECT_EQ(driver.ram_.take<std::uint32_t>(data + 64), 1U);
  driver.request(0, {{data, 4}});
  driver.serve();
  EXPECT_TRUE(driver.needs_reset());
}

TEST_F(PmemTest, FilesThatCannotBeUsed) {
  {
    std::filesystem::resize_file(path(), 10240);  // whole sectors
    const DiskFile disk({path(), DiskAccess::read_write});
    EXPECT_THAT(why_not(PmemAccess::read_only), HasSubstr("another guest writes it as a disk"));
  }
  std::filesystem::resize_file(path(), 0);
  EXPECT_THAT(why_not(PmemAccess::shared), HasSubstr("empty"));
  std::filesystem::remove(path());
  EXPECT_THAT(why_not(PmemAccess::shared), HasSubstr("No such file"));
  std::filesystem::create_directory(path());
  EXPECT_THAT(why_not(PmemAccess::read_only), HasSubstr("no regular file"));
  std::filesystem::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);  // nobody writes it: opening must not wait for that
  EXPECT_THAT(why_not(PmemAccess::copied), HasSubstr("no regular file"));
}

TEST_F(PmemTest, AFileThatTheAddressSpaceHasNoRoomFor) {
  const UniqueFd file(::memfd_create("pmem-test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), off_t{1} << 60), 0);
  std::filesystem::remove(path());
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(file.get()), path());
  for (const PmemAccess access : {PmemAccess::read_only, PmemAccess::copied, PmemAccess::shared}) {
    EXPECT_THAT(why_not(access), AllOf(HasSubstr(path()), HasSubstr("address space")));
  }
}

TEST_F(PmemTest, AnotherOneTellsOfTheWriteThatWasDropped) {
  const PmemFile file({path(), PmemAccess::read_only, {}});
  Pmem device(file, Gpa{0x1'0000'0000});
  FakeDriver parent(device);
  parent.start();
  device.dropped_writes().write(0, std::array{std::byte{1}});
  Pmem other(file, Gpa{0x1'0000'0000});
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(parent), "");
  EXPECT_EQ(flush(driver), 1U);
  EXPECT_EQ(flush(driver), 0U);
  Pmem told(file, Gpa{0x1'0000'0000});
  FakeDriver later(told);
  ASSERT_EQ(later.go_on_from(driver), "");
  EXPECT_EQ(flush(later), 0U);
}

TEST_F(PmemTest, MemoryElsewhereOrOfAnotherSizeIsNotTheSame) {
  const PmemFile file({path(), PmemAccess::copied, {}});
  Pmem device(file, Gpa{0x1'0000'0000});
  EXPECT_EQ(device.restore(PmemState{0x2'0000'0000, pmem_alignment, false}), "it is at another address here");
  EXPECT_EQ(device.restore(PmemState{0x1'0000'0000, 2 * pmem_alignment, false}),
            "its file has another size now");
  EXPECT_TRUE(device.restore(NoState{}));
}

}  // namespace
}  // namespace samepage::vmm::test
