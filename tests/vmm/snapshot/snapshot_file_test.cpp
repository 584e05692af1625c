// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/snapshot_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/unnamed_file.hpp"

namespace samepage::vmm {
namespace {

using testing::HasSubstr;

class SnapshotFile : public testing::Test {
 protected:
  SnapshotFile() { write_snapshot(file_.get(), sample_); }
  std::string why_not() {
    try {
      static_cast<void>(read_snapshot(file_.get()));
    } catch (const UserError& error) {
      return error.what();
    }
    return "it can be read";
  }
  void change(std::uint64_t offset, unsigned char bits) {
    std::byte byte{};
    ASSERT_EQ(::pread(file_.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    byte ^= std::byte{bits};
    write_at(file_.get(), {&byte, 1}, offset, "test");
  }
  std::uint64_t size() {
    struct stat info {};
    check(::fstat(file_.get(), &info), "fstat");
    return static_cast<std::uint64_t>(info.st_size);
  }
  static constexpr std::uint64_t header_bytes = 64;
  static constexpr std::uint64_t description = snapshot_memory_offset + 16 * page_size;

  Snapshot sample_{
      {16}, false, {{{{1}, 2}}, {{{3}, 1}}, {{{15}, 1}}}, "its configuration", std::string("its\0state", 9)};
  UniqueFd file_ = unnamed_file("a test");
};

TEST_F(SnapshotFile, IsReadAsItWasWritten) {
  EXPECT_EQ(read_snapshot(file_.get()), sample_);
}

TEST_F(SnapshotFile, OneWhoseMemoryIsApartHasItsPagesInAnyWindow) {
  const Snapshot apart{{16}, true, {{{{1}, 2}, 7}, {{{3}, 1}, 0}}, "config", "state"};
  const UniqueFd file = unnamed_file("a test");
  write_snapshot(file.get(), apart);
  EXPECT_EQ(read_snapshot(file.get()), apart);
}

TEST_F(SnapshotFile, AnyChangedBitOfHeaderAndDescriptionIsNoticed) {
  const std::uint64_t end = size();
  const auto try_byte = [&](std::uint64_t offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto bits = static_cast<unsigned char>(1U << bit);
      change(offset, bits);
      EXPECT_NE(why_not(), "it can be read") << "byte " << offset << ", bit " << bit;
      change(offset, bits);
    }
  };
  for (std::uint64_t offset = 0; offset < header_bytes; ++offset) try_byte(offset);
  for (std::uint64_t offset = description; offset < end; ++offset) try_byte(offset);
  EXPECT_EQ(why_not(), "it can be read");
}

TEST_F(SnapshotFile, OneThatIsCutShortAnywhereIsNoticed) {
  for (std::uint64_t end = size() - 1; end > description - 3; --end) {
    check(::ftruncate(file_.get(), static_cast<off_t>(end)), "ftruncate");
    EXPECT_THAT(why_not(), HasSubstr("cut short")) << end;
  }
  for (const std::uint64_t end : {std::uint64_t{4096}, std::uint64_t{64}}) {
    check(::ftruncate(file_.get(), static_cast<off_t>(end)), "ftruncate");
    EXPECT_THAT(why_not(), HasSubstr("cut short")) << end;
  }
  check(::ftruncate(file_.get(), 63), "ftruncate");
  EXPECT_THAT(why_not(), HasSubstr("not a snapshot"));
}

TEST_F(SnapshotFile, OneWithSomethingBehindItsEndIsDamaged) {
  check(::ftruncate(file_.get(), static_cast<off_t>(size() + 1)), "ftruncate");
  EXPECT_THAT(why_not(), HasSubstr("behind its end"));
}

TEST_F(SnapshotFile, AnotherVersionIsNamed) {
  change(8, 2);
  EXPECT_THAT(why_not(), HasSubstr("version 3 and this samepage reads version 1"));
}

TEST_F(SnapshotFile, BeforeItsHeaderIsWrittenItIsNone) {
  const std::array<std::byte, header_bytes> zeros{};
  write_at(file_.get(), zeros, 0, "test");
  EXPECT_THAT(why_not(), HasSubstr("not a snapshot"));
}

TEST(SnapshotDescription, PagesOutsideOfMemoryOrOutOfOrderAreRefused) {
  const auto refused = [](std::vector<SnapshotRun> data) {
    const std::string bytes = description_of({{16}, false, std::move(data), "", ""});
    EXPECT_THROW(static_cast<void>(snapshot_of(std::as_bytes(std::span(bytes)), {16}, false)), UserError);
  };
  refused({{{{16}, 1}}});
  refused({{{{15}, 2}}});
  refused({{{{3}, 0}}});
  refused({{{{3}, 2}}, {{{4}, 1}}});
  refused({{{{3}, 1}}, {{{1}, 1}}});
  refused({{{{5}, 0xffff'ffff}}});
  refused({{{{5}, 1}, 1}});  // another window than that of the file itself
}

}  // namespace
}  // namespace samepage::vmm
