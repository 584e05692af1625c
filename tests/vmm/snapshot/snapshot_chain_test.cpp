// SPDX-License-Identifier: Apache-2.0
// Snapshots in several files, and every way in which these can be other files than they were.
#include "vmm/snapshot/snapshot_chain.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/temporary_directory.hpp"

namespace samepage::vmm {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Chain : public testing::Test {
 protected:
  // Has `runs`, of which those in file 0 hold `content`.
  OtherFile write(const std::string& name, std::vector<SnapshotRun> runs, int content,
                  std::vector<OtherFile> others = {}, std::uint64_t pages = 16) {
    const std::string path = file(name);
    const UniqueFd fd =
        checked_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open");
    check(::ftruncate(fd.get(), static_cast<off_t>(snapshot_memory_offset + pages * page_size)), "ftruncate");
    for (const PageRange& piece : checksum_pieces(runs)) {
      const std::vector<std::byte> bytes(PageCount{piece.count}.bytes(), std::byte(content));
      write_at(fd.get(), bytes, snapshot_memory_offset + PageCount{piece.first.value}.bytes(), "test");
    }
    Snapshot snapshot{{pages}, false, std::move(runs), "", "", {new_snapshot_id(), 0}, std::move(others), {}};
    snapshot.checksums =
        checksums_of({fd.get(), snapshot_memory_offset}, checksum_pieces(snapshot.runs), snapshot.ram);
    snapshot.identity.checksum = write_snapshot(fd.get(), snapshot);
    return {path, snapshot.identity, snapshot_memory_offset};
  }
  // Three files, each with a part.
  void write_three() {
    const OtherFile base = write("base", {{{{0}, 8}}}, 1);
    const OtherFile middle = write("middle", {{{{0}, 4}, 0, 1}, {{{4}, 8}}}, 2, {base});
    write("last", {{{{0}, 4}, 0, 2}, {{{4}, 4}, 0, 1}, {{{8}, 8}}}, 3, {middle, base});
  }
  std::string file(const std::string& name) { return directory_.path() + "/" + name; }
  void change(const std::string& name, std::uint64_t at) {
    const UniqueFd fd = checked_fd(::open(file(name).c_str(), O_RDWR | O_CLOEXEC), "open");
    std::array<std::byte, 1> byte{};
    ASSERT_EQ(read_fully(fd.get(), at, byte), 1);
    byte[0] ^= std::byte{0x40};
    write_at(fd.get(), byte, at, "test");
  }
  std::string why_not(const std::string& name = "last") {
    try {
      check_memory(open_snapshot_chain(file(name)));
      return "it is all right";
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  static std::uint64_t page_at(std::uint64_t page) { return snapshot_memory_offset + page * page_size; }

  TemporaryDirectory directory_;
};

TEST_F(Chain, IsOpenedInTheOrderOfItsNumbers) {
  write_three();
  const SnapshotChain chain = open_snapshot_chain(file("last"));
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_EQ(chain[0].path, file("last"));
  EXPECT_EQ(chain[1].path, file("middle"));
  EXPECT_EQ(chain[2].path, file("base"));
  EXPECT_EQ(why_not(), "it is all right");
}

TEST_F(Chain, MayBeMovedTogether) {
  write_three();
  const std::string folder = file("folder");
  fs::create_directory(folder);
  for (const char* name : {"last", "middle", "base"}) fs::rename(file(name), folder + "/" + name);
  EXPECT_EQ(open_snapshot_chain(folder + "/last")[1].path, folder + "/middle");
}

TEST_F(Chain, AMissingBaseIsNamed) {
  write_three();
  fs::remove(file("base"));
  EXPECT_THAT(why_not(), HasSubstr("its base " + file("base") + ": it can't be opened: No such file"));
  fs::create_directory(file("base"));
  EXPECT_THAT(why_not(), HasSubstr("its base " + file("base") + ": it is not a regular file"));
}

TEST_F(Chain, AnotherFileOfThatNameIsNotTheBase) {
  write_three();
  write("base", {{{{0}, 8}}}, 1);  // the same in all but its identity
  EXPECT_THAT(why_not(), HasSubstr("its base " + file("base") + ": it is another snapshot by now"));
  std::ofstream(file("base")) << "something else";
  EXPECT_THAT(why_not(), HasSubstr("it is not a snapshot"));
}

TEST_F(Chain, ABaseThatWasWrittenAnewWithItsIdentityIsChanged) {
  write_three();
  const UniqueFd fd = checked_fd(::open(file("base").c_str(), O_RDWR | O_CLOEXEC), "open");
  Snapshot changed = read_snapshot(fd.get());
  changed.state = "x";
  check(::ftruncate(fd.get(), static_cast<off_t>(page_at(16))), "ftruncate");
  write_snapshot(fd.get(), changed);
  EXPECT_THAT(why_not(), HasSubstr("its base " + file("base") + ": it was changed"));
}

// A loop can't be made: a file's identity depends on what it names. One that is made by exchanging files is
// found by that, and nothing is followed from file to file.
TEST_F(Chain, FilesThatNameEachOtherAreFound) {
  const OtherFile a = write("a", {{{{0}, 8}}}, 1);
  const OtherFile b = write("b", {{{{0}, 8}, 0, 1}, {{{8}, 8}}}, 2, {a});
  write("a", {{{{0}, 8}, 0, 1}, {{{8}, 8}}}, 3, {b});
  EXPECT_EQ(why_not("a"), "it is all right");  // it needs nothing of what b needs
  EXPECT_THAT(why_not("b"), HasSubstr("its base " + file("a") + ": it is another snapshot by now"));
}

TEST_F(Chain, ABaseOfAnotherSizeIsRefused) {
  OtherFile base = write("base", {{{{0}, 8}}}, 1, {}, 32);
  write("last", {{{{0}, 8}, 0, 1}}, 2, {base});
  EXPECT_THAT(why_not(), HasSubstr("its base"));
}

TEST_F(Chain, EveryDamageToMemoryIsFound) {
  write_three();
  const struct {
    const char* name;
    std::uint64_t page;
  } there[] = {{"base", 0}, {"base", 7}, {"middle", 4}, {"middle", 11}, {"last", 8}, {"last", 15}};
  for (const auto& [name, page] : there) {
    for (const std::uint64_t byte : {std::uint64_t{0}, std::uint64_t{2000}, page_size - 1}) {
      change(name, page_at(page) + byte);
      EXPECT_THAT(why_not(), HasSubstr("it is damaged: the checksum of pages")) << name << " " << page;
      const std::string of_which = std::string(name) == "last" ? "" : "its base " + file(name) + ": ";
      EXPECT_THAT(why_not(), testing::StartsWith(of_which + "it is damaged"));
      change(name, page_at(page) + byte);
    }
  }
  EXPECT_EQ(why_not(), "it is all right");
}

TEST_F(Chain, AnyFileThatIsCutShortIsFound) {
  for (const char* name : {"base", "middle", "last"}) {
    write_three();
    fs::resize_file(file(name), fs::file_size(file(name)) - 1);
    EXPECT_THAT(why_not(), HasSubstr("cut short")) << name;
    fs::resize_file(file(name), page_at(3));
    EXPECT_THAT(why_not(), HasSubstr("cut short")) << name;
  }
}

TEST_F(Chain, AForksDescriptionIsNoFileToGoOnFrom) {
  const UniqueFd fd = checked_fd(::open(file("apart").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open");
  write_snapshot(fd.get(), {{16}, true, {}, "", "", {}, {}, {}});
  EXPECT_THAT(why_not("apart"), HasSubstr("it has no memory in it"));
}

}  // namespace
}  // namespace samepage::vmm
