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
  SnapshotFile() { sample_.identity.checksum = write_snapshot(file_.get(), sample_); }
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
  static constexpr std::uint64_t header_bytes = 80;
  static constexpr std::uint64_t description = snapshot_memory_offset + 16 * page_size;

  // The third run is in another file; the two others have a checksum each.
  Snapshot sample_{
      {16},
      false,
      {{{{1}, 2}}, {{{3}, 1}, 0, 2}, {{{15}, 1}}},
      "its configuration",
      std::string("its\0state", 9),
      {{1, 2, 3}, 0},
      {{"/a/base", {{7, 8}, 99}, snapshot_memory_offset}, {"/b", {{9}, 1}, snapshot_memory_offset}},
      {{0xaa, 0xbb}, {0xcc}},
      "its devices"};
  UniqueFd file_ = unnamed_file("a test");
};

TEST_F(SnapshotFile, IsReadAsItWasWritten) {
  EXPECT_EQ(read_snapshot(file_.get()), sample_);
}

TEST_F(SnapshotFile, OneWhoseMemoryIsApartHasItsPagesInAnyWindow) {
  Snapshot apart{{16}, true, {{{{1}, 2}, 7, 1}, {{{3}, 1}, 0, 1}, {{{4}, 1}, 0, 2}}, "config", "state", {},
                 {},   {}};
  apart.others = {OtherFile{}, {"", {{5}, 6}, snapshot_memory_offset}};
  const UniqueFd file = unnamed_file("a test");
  apart.identity.checksum = write_snapshot(file.get(), apart);
  EXPECT_EQ(read_snapshot(file.get()), apart);
}

TEST_F(SnapshotFile, WhatItsDevicesHaveLiesBeforeItsDescription) {
  sample_.devices_bytes = 1536;
  sample_.identity.checksum = write_snapshot(file_.get(), sample_);
  EXPECT_EQ(read_snapshot(file_.get()), sample_);
  EXPECT_EQ(devices_offset(sample_.ram), description);
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
  for (const std::uint64_t end : {std::uint64_t{4096}, std::uint64_t{80}}) {
    check(::ftruncate(file_.get(), static_cast<off_t>(end)), "ftruncate");
    EXPECT_THAT(why_not(), HasSubstr("cut short")) << end;
  }
  check(::ftruncate(file_.get(), 79), "ftruncate");
  EXPECT_THAT(why_not(), HasSubstr("not a snapshot"));
}

TEST_F(SnapshotFile, OneWithSomethingBehindItsEndIsDamaged) {
  check(::ftruncate(file_.get(), static_cast<off_t>(size() + 1)), "ftruncate");
  EXPECT_THAT(why_not(), HasSubstr("behind its end"));
}

TEST_F(SnapshotFile, AnotherVersionIsNamed) {
  change(8, 3);
  EXPECT_THAT(why_not(), HasSubstr("version 1 and this samepage reads version 2"));
}

TEST_F(SnapshotFile, BeforeItsHeaderIsWrittenItIsNone) {
  const std::array<std::byte, header_bytes> zeros{};
  write_at(file_.get(), zeros, 0, "test");
  EXPECT_THAT(why_not(), HasSubstr("not a snapshot"));
}

class Described : public testing::Test {
 protected:
  bool is_refused(const Snapshot& snapshot) {
    const std::string bytes = description_of(snapshot);
    try {
      return !(snapshot_of(std::as_bytes(std::span(bytes)), {16}, snapshot.apart) == snapshot);
    } catch (const UserError&) {
      return true;
    }
  }
  // With as many checksums as it needs.
  bool are_refused(std::vector<SnapshotRun> runs, std::vector<OtherFile> others = {}, bool apart = false) {
    Snapshot snapshot{{16}, apart, std::move(runs), "", "", {}, std::move(others), {}};
    snapshot.checksums.resize(checksum_pieces(snapshot.runs).size());
    return is_refused(snapshot);
  }
  OtherFile base_{"/base", {{1}, 2}, snapshot_memory_offset};
};

TEST_F(Described, PagesOutsideOfMemoryOrOutOfOrderAreRefused) {
  EXPECT_FALSE(are_refused({{{{0}, 16}}}));
  EXPECT_TRUE(are_refused({{{{16}, 1}}}));
  EXPECT_TRUE(are_refused({{{{15}, 2}}}));
  EXPECT_TRUE(are_refused({{{{3}, 0}}}));
  EXPECT_TRUE(are_refused({{{{3}, 2}}, {{{4}, 1}}}));
  EXPECT_TRUE(are_refused({{{{3}, 1}}, {{{1}, 1}}}));
  EXPECT_TRUE(are_refused({{{{5}, 0xffff'ffff}, 0, 1}}, {base_}));
  EXPECT_TRUE(are_refused({{{{5}, 1}, 1}}));  // another window than that of the file itself
}

TEST_F(Described, PagesAreInFilesAndWindowsThatThereAre) {
  EXPECT_FALSE(are_refused({{{{5}, 1}, 0, 1}}, {base_}));
  EXPECT_TRUE(are_refused({{{{5}, 1}, 0, 2}}, {base_}));
  EXPECT_TRUE(are_refused({{{{5}, 1}, 1, 1}}, {base_}));        // a snapshot has one window
  EXPECT_TRUE(are_refused({{{{5}, 1}, 0, 0}}, {base_}, true));  // it has none if memory is apart
  EXPECT_FALSE(are_refused({{{{5}, 1}, 9, 1}}, {{}}, true));
  EXPECT_TRUE(are_refused({{{{5}, 1}, most_windows, 1}}, {{}}, true));
}

TEST_F(Described, FilesHaveANameAndAnIdentityAndThereAreNotTooMany) {
  EXPECT_FALSE(are_refused({}, std::vector<OtherFile>(most_other_files, base_)));
  EXPECT_TRUE(are_refused({}, std::vector<OtherFile>(most_other_files + 1, base_)));
  EXPECT_TRUE(are_refused({}, {OtherFile{}}));
  OtherFile wrong = base_;
  wrong.path.clear();
  EXPECT_TRUE(are_refused({}, {wrong}));
  wrong.path = std::string("/a\0b", 4);
  EXPECT_TRUE(are_refused({}, {wrong}));
  wrong.path = std::string(5000, 'a');
  EXPECT_TRUE(are_refused({}, {wrong}));
  wrong = base_;
  wrong.offset = 0;
  EXPECT_TRUE(are_refused({}, {wrong}));
}

TEST_F(Described, ThereAreAsManyChecksumsAsPieces) {
  Snapshot snapshot{{16}, false, {{{{0}, 16}}}, "", "", {}, {}, {{1}}};
  EXPECT_FALSE(is_refused(snapshot));
  snapshot.checksums.push_back({2});
  EXPECT_TRUE(is_refused(snapshot));
  snapshot.checksums.clear();
  EXPECT_TRUE(is_refused(snapshot));
}

}  // namespace
}  // namespace samepage::vmm
