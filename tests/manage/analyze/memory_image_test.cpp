// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/memory_image.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/temporary_directory.hpp"
#include "tests/manage/analyze/core_file.hpp"
#include "vmm/snapshot/snapshot_file.hpp"

namespace samepage::analyze {
namespace {

using test::core_file;
using test::pages_of;
using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

// What was handed over, in words: "1" a page of ones, "hole 3", "gap".
class Recorder final : public PageSink {
 public:
  void add_pages(std::span<const std::byte> pages) override {
    ASSERT_EQ(pages.size() % page_size, 0U);
    for (std::size_t at = 0; at < pages.size(); at += page_size) {
      const auto page = pages.subspan(at, page_size);
      const bool even =
          std::all_of(page.begin(), page.end(), [&](std::byte byte) { return byte == page[0]; });
      said.push_back(even ? std::to_string(std::to_integer<int>(page[0])) : "mixed");
    }
  }
  void add_hole(PageCount pages) override {
    if (pages.value != 0) said.push_back("hole " + std::to_string(pages.value));
  }
  void add_gap() override { said.push_back("gap"); }

  std::vector<std::string> said;
};

class Images : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string file(const std::string& name, const Bytes& bytes) const {
    std::ofstream out(path(name), std::ios::binary);
    for (const std::byte byte : bytes) out.put(static_cast<char>(byte));
    return path(name);
  }
  static std::vector<std::string> read(const std::string& path) {
    MemoryImage image(path);
    return read(image);
  }
  static std::vector<std::string> read(
      MemoryImage& image, const MemoryImage::Pulse& pulse = [](std::uint64_t) {}) {
    Recorder recorder;
    image.read(recorder, pulse, -1);
    return recorder.said;
  }
  static std::string refusal(const std::function<void()>& action) {
    try {
      action();
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  static std::string refusal(const std::string& path) {
    return refusal([&] { MemoryImage image(path); });
  }

  TemporaryDirectory directory_;
};

TEST_F(Images, RawMemoryIsReadPageByPage) {
  EXPECT_THAT(read(file("raw", pages_of(3, 1))), ElementsAre("1", "2", "3"));
}

TEST_F(Images, BytesBehindTheLastWholePageAreLeftOutAndCounted) {
  Bytes bytes = pages_of(3, 1);
  bytes.resize(bytes.size() - 1);
  MemoryImage image(file("raw", bytes));
  EXPECT_THAT(read(image), ElementsAre("1", "2"));
  EXPECT_EQ(image.left_out_bytes(), 4095U);
}

TEST_F(Images, HolesAreNotRead) {
  const std::string sparse = file("sparse", {});
  const UniqueFd fd(::open(sparse.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.get(), 1L << 30), 0);
  const Bytes page = pages_of(1, 7);
  ASSERT_EQ(::pwrite(fd.get(), page.data(), page.size(), 1L << 20), 4096);
  std::uint64_t bytes = 0;
  MemoryImage image(sparse);
  Recorder recorder;
  image.read(
      recorder, [&](std::uint64_t more) { bytes += more; }, -1);
  if (bytes > 1U << 29U) GTEST_SKIP() << "this file system has no holes";
  EXPECT_LE(bytes, 1U << 20U);
  EXPECT_LE(image.bytes_to_read(), 1U << 20U);
  EXPECT_EQ(image.memory_bytes(), 1U << 30U);
  EXPECT_EQ(std::count(recorder.said.begin(), recorder.said.end(), "7"), 1);
}

TEST_F(Images, PagesOfACoreAreReadAroundHolesThatFitNoPage) {
  // A page of zeros that lies at an odd byte of the file: the hole has no whole page.
  Bytes memory = pages_of(1, 1);
  const Bytes zeros((64 << 10) + page_size);
  memory.insert(memory.end(), zeros.begin(), zeros.end());
  const Bytes last = pages_of(1, 9);
  memory.insert(memory.end(), last.begin(), last.end());
  const Bytes core = core_file({{0x100000, memory, 0, 0}, {0x200000, pages_of(1, 3), 0, 0}});
  const std::string sparse = file("core", core);
  const UniqueFd fd(::open(sparse.c_str(), O_RDWR | O_CLOEXEC));
  const off_t first_hole = 3 * 4096;
  if (::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first_hole, 12 * 4096) != 0) {
    GTEST_SKIP() << "this file system can't punch holes";
  }
  const std::vector<std::string> said = read(sparse);
  std::size_t zero_pages = 0;
  for (const std::string& word : said) {
    if (word == "0") ++zero_pages;
    if (word.starts_with("hole ")) zero_pages += std::stoul(word.substr(5));
  }
  EXPECT_EQ(zero_pages, 17U);
  EXPECT_EQ(said.front(), "1");
  EXPECT_EQ(said[said.size() - 3], "9");
  EXPECT_EQ(said[said.size() - 2], "gap");
  EXPECT_EQ(said.back(), "3");
}

TEST_F(Images, ACoreIsReadByItsAddresses) {
  const std::string core =
      file("core", core_file({{0x5000, pages_of(2, 1), 0, 0}, {0x1000, pages_of(1, 9), 0, 8192}}));
  MemoryImage image(core);
  EXPECT_STREQ(image.format(), "elf");
  EXPECT_THAT(read(image), ElementsAre("9", "gap", "1", "2"));
  EXPECT_EQ(image.missing_bytes(), 4096U);
}

// Of a guest with four pages, whose memory is in the file.
vmm::SnapshotIdentity write_snapshot_of(int fd, std::vector<vmm::SnapshotRun> runs,
                                        std::vector<vmm::OtherFile> others) {
  check(::ftruncate(fd, vmm::snapshot_memory_offset + 4 * page_size), "ftruncate");
  vmm::Snapshot snapshot{{4}, false, std::move(runs), "configuration", "state", {}, std::move(others), {}};
  snapshot.identity.id = vmm::new_snapshot_id();
  snapshot.checksums =
      vmm::checksums_of({fd, vmm::snapshot_memory_offset}, vmm::checksum_pieces(snapshot.runs), snapshot.ram);
  snapshot.identity.checksum = vmm::write_snapshot(fd, snapshot);
  return snapshot.identity;
}

TEST_F(Images, AnIncrementalSnapshotIsReadWithItsBase) {
  const std::string base = path("base"), snapshot = path("snapshot");
  {
    const UniqueFd first(::open(base.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const UniqueFd second(::open(snapshot.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    write_at(first.get(), Bytes(3 * page_size, std::byte{1}), vmm::snapshot_memory_offset, "test");
    write_at(second.get(), Bytes(page_size, std::byte{2}), vmm::snapshot_memory_offset + page_size, "test");
    const vmm::SnapshotIdentity identity = write_snapshot_of(first.get(), {{{{0}, 3}}}, {});
    write_snapshot_of(second.get(), {{{{1}, 1}}, {{{2}, 1}, 0, 1}},
                      {{base, identity, vmm::snapshot_memory_offset}});
  }
  MemoryImage image(snapshot);
  EXPECT_EQ(image.memory_bytes(), 4 * page_size);
  EXPECT_THAT(read(image), ElementsAre("hole 1", "2", "1", "hole 1"));
  ASSERT_EQ(::unlink(base.c_str()), 0);
  EXPECT_THAT(refusal(snapshot), HasSubstr("its base " + base + ": it can't be opened"));
}

TEST_F(Images, OurSnapshotsAreReadWithoutWhatIsNotMemory) {
  const std::string snapshot = path("snapshot");
  {
    const UniqueFd fd(::open(snapshot.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const Bytes ones(2 * page_size, std::byte{1});
    write_at(fd.get(), ones, vmm::snapshot_memory_offset + page_size, "test");
    write_snapshot_of(fd.get(), {{{{1}, 2}}}, {});
  }
  MemoryImage image(snapshot);
  EXPECT_STREQ(image.format(), "snapshot");
  EXPECT_EQ(image.memory_bytes(), 4 * page_size);
  const auto said = read(image);
  // Where a file system has no holes of a page, there are pages of zeros.
  EXPECT_TRUE(said == (std::vector<std::string>{"hole 1", "1", "1", "hole 1"}) ||
              said == (std::vector<std::string>{"0", "1", "1", "0"}))
      << testing::PrintToString(said);
  ASSERT_EQ(::truncate(snapshot.c_str(), 5 * page_size), 0);
  EXPECT_THAT(refusal(snapshot), HasSubstr("cut short"));
}

TEST_F(Images, WhatIsNotMemoryIsRefusedWithItsName) {
  EXPECT_THAT(refusal(path("none")), HasSubstr("No such file"));
  EXPECT_THAT(refusal(directory_.path()), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("/dev/zero"), HasSubstr("is a character device"));
  EXPECT_THAT(refusal(file("empty", {})), HasSubstr("is empty"));
  EXPECT_THAT(refusal(file("short", Bytes(4095))), HasSubstr("has 4095 bytes, less than a page"));
  Bytes kdump(8192);
  std::ranges::transform(std::string_view("KDUMP   "), kdump.begin(), [](char c) { return std::byte(c); });
  EXPECT_THAT(refusal(file("kdump", kdump)), testing::AllOf(HasSubstr("kdump-compressed"), HasSubstr("ELF")));
  Bytes core = core_file({{0, pages_of(4, 1), 0, 0}});
  core.resize(core.size() - 4096);
  EXPECT_THAT(refusal(file("core", core)), HasSubstr("is truncated"));
  const std::string socket = path("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // SAFETY: the sockets interface takes every address family as sockaddr.
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_THAT(refusal(socket), HasSubstr("can't be opened"));
}

TEST_F(Images, TheSameFileIsKnownByAnyName) {
  const std::string one = file("one", pages_of(1, 1));
  const std::string other = file("other", pages_of(1, 1));
  ASSERT_EQ(::link(one.c_str(), path("hard").c_str()), 0);
  ASSERT_EQ(::symlink("one", path("soft").c_str()), 0);
  const MemoryImage image(one);
  EXPECT_TRUE(MemoryImage(path("hard")).same_file(image));
  EXPECT_TRUE(MemoryImage(path("soft")).same_file(image));
  EXPECT_FALSE(MemoryImage(other).same_file(image));
}

// A file that somebody changes while it is read, after its first piece.
std::function<void(std::uint64_t)> once(const std::function<void()>& action) {
  return [action, done = false](std::uint64_t bytes) mutable {
    if (bytes != 0 && !std::exchange(done, true)) action();
  };
}

TEST_F(Images, AFileThatBecomesShorterIsAnErrorAndNoSignal) {
  for (const off_t left : {off_t{0}, off_t{1} << 20, (off_t{2} << 20) - 1}) {
    const std::string changing = file("changing", Bytes(2 << 20, std::byte{1}));
    MemoryImage image(changing);
    const auto cut = once([&] { ASSERT_EQ(::truncate(changing.c_str(), left), 0); });
    EXPECT_THAT(refusal([&] { read(image, cut); }), HasSubstr("has become shorter")) << left;
  }
}

TEST_F(Images, AFileThatGrowsIsAnError) {
  const std::string changing = file("changing", Bytes(1 << 20, std::byte{1}));
  MemoryImage image(changing);
  const auto grow = once([&] { ASSERT_EQ(::truncate(changing.c_str(), 2 << 20), 0); });
  EXPECT_THAT(refusal([&] { read(image, grow); }), HasSubstr("has become longer"));
}

TEST_F(Images, AFileThatIsWrittenIsSaidToBe) {
  const std::string changing = file("changing", Bytes(1 << 20, std::byte{1}));
  const timespec long_ago[2]{{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, changing.c_str(), long_ago, 0), 0);
  MemoryImage image(changing);
  read(image, once([&] {
         const UniqueFd fd(::open(changing.c_str(), O_WRONLY | O_CLOEXEC));
         ASSERT_EQ(::pwrite(fd.get(), "x", 1, 8), 1);
       }));
  EXPECT_TRUE(image.changed());
}

TEST_F(Images, APipeIsReadToItsEnd) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  MemoryImage image(fifo);  // nobody writes yet
  Bytes bytes = pages_of(200, 1);
  bytes.resize(bytes.size() + 10);
  std::thread writer([&] {
    const UniqueFd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t some =
          ::write(fd.get(), bytes.data() + done, std::min<std::size_t>(777, bytes.size() - done));
      if (some <= 0) return;
      done += static_cast<std::size_t>(some);
    }
  });
  const std::vector<std::string> said = read(image);
  writer.join();
  ASSERT_EQ(said.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(said[static_cast<std::size_t>(i)], std::to_string(i + 1));
  EXPECT_EQ(image.left_out_bytes(), 10U);
  EXPECT_EQ(image.memory_bytes(), 200U * 4096);
}

std::string refusal_of_stream(const std::string& fifo, const Bytes& bytes) {
  MemoryImage image(fifo);
  UniqueFd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  std::thread writer([&bytes, to = std::move(fd)] {
    if (!bytes.empty() && ::write(to.get(), bytes.data(), bytes.size()) < 0) return;
  });
  Recorder recorder;
  std::string why;
  try {
    image.read(
        recorder, [](std::uint64_t) {}, -1);
  } catch (const UserError& error) {
    why = error.what();
  }
  writer.join();
  return why;
}

TEST_F(Images, WhatComesFromAPipeAndIsNotMemoryIsRefused) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(refusal_of_stream(fifo, {}), HasSubstr("is empty"));
  EXPECT_THAT(refusal_of_stream(fifo, Bytes(100)), HasSubstr("less than a page"));
  EXPECT_THAT(refusal_of_stream(fifo, core_file({{0, pages_of(2, 1), 0, 0}})),
              HasSubstr("can't be read from a pipe"));
}

TEST_F(Images, AWaitForAPipeEndsWhenSomebodyWantsItTo) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  MemoryImage image(fifo);
  const UniqueFd always(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Recorder recorder;
  EXPECT_THROW(image.read(
                   recorder, [](std::uint64_t) { throw UserError("stop"); }, always.get()),
               UserError);
}

}  // namespace
}  // namespace samepage::analyze
