// SPDX-License-Identifier: Apache-2.0
// What a guest has written to a disk, at several moments and in several guests.
#include "vmm/devices/virtio/disk_overlay.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "base/file_bytes.hpp"
#include "base/laid_over.hpp"
#include "vmm/devices/virtio/file_as_it_was.hpp"
#include "vmm/devices/virtio/written_content.hpp"

namespace samepage::vmm {
namespace {

using Runs = std::vector<WrittenRun>;
using Wrote = DiskOverlay::Wrote;
constexpr std::uint64_t sectors = 100'000;  // more than one page of bits

TEST(WrittenRuns, WhatIsWrittenLaterCoversWhatWasThere) {
  const Runs under{{100, 100, 0, 0}, {300, 100, 0, 500}};
  EXPECT_EQ(laid_over<WrittenRun>(under, {}), under);
  EXPECT_EQ(laid_over<WrittenRun>({}, under), under);
  EXPECT_EQ(laid_over<WrittenRun>(under, Runs{{120, 10, 1, 0}}),
            (Runs{{100, 20, 0, 0}, {120, 10, 1, 0}, {130, 70, 0, 30}, {300, 100, 0, 500}}));
  EXPECT_EQ(laid_over<WrittenRun>(under, Runs{{150, 200, 1, 0}}),
            (Runs{{100, 50, 0, 0}, {150, 200, 1, 0}, {350, 50, 0, 550}}));
  EXPECT_EQ(laid_over<WrittenRun>(under, Runs{{50, 500, 1, 0}}), (Runs{{50, 500, 1, 0}}));
  EXPECT_EQ(laid_over<WrittenRun>(under, Runs{{100, 100, 1, 0}}),
            (Runs{{100, 100, 1, 0}, {300, 100, 0, 500}}));
  EXPECT_EQ(laid_over<WrittenRun>(under, Runs{{0, 10, 1, 0}, {500, 10, 1, 10}}),
            (Runs{{0, 10, 1, 0}, {100, 100, 0, 0}, {300, 100, 0, 500}, {500, 10, 1, 10}}));
}

TEST(WrittenRuns, NeighboursInBothAreOne) {
  EXPECT_EQ(
      laid_over<WrittenRun>(Runs{{0, 10, 0, 100}, {10, 5, 0, 110}, {15, 5, 0, 200}, {20, 5, 1, 205}}, {}),
      (Runs{{0, 15, 0, 100}, {15, 5, 0, 200}, {20, 5, 1, 205}}));
}

// Against a map of bytes.
TEST(WrittenRuns, EveryByteIsWhereItWasWrittenLast) {
  std::mt19937 random(7);
  const auto pick = [&](unsigned limit) { return random() % limit; };
  for (int round = 0; round < 500; ++round) {
    Runs runs;
    std::map<std::uint64_t, std::pair<std::uint32_t, std::uint64_t>> bytes;
    for (std::uint32_t layer = 0; layer < 5; ++layer) {
      Runs over;
      for (std::uint64_t at = pick(30); at < 100; at += 1 + pick(30)) {
        const std::uint64_t count = 1 + pick(20);
        over.push_back({at, count, layer, 1000 * pick(10) + at});
        for (std::uint64_t i = 0; i < count; ++i) bytes[at + i] = {layer, over.back().at + i};
        at += count;
      }
      runs = laid_over<WrittenRun>(runs, over);
    }
    std::uint64_t next = 0, found = 0;
    for (const WrittenRun& run : runs) {
      ASSERT_GE(run.first, next);
      ASSERT_NE(run.count, 0U);
      for (std::uint64_t i = 0; i < run.count; ++i) {
        ASSERT_EQ(bytes.at(run.first + i), std::pair(run.file, run.at + i));
      }
      found += run.count;
      next = run.end();
    }
    ASSERT_EQ(found, bytes.size());
    for (std::uint64_t byte = 0; byte < 130; ++byte) {
      const auto run = run_at(runs, byte);
      const bool there = run != std::span<const WrittenRun>(runs).end() && run->first <= byte;
      ASSERT_EQ(there, bytes.contains(byte));
    }
  }
}

TEST(SectorSetTest, KnowsItsRanges) {
  SectorSet set(sectors);
  EXPECT_TRUE(set.empty());
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges{
      {0, 1}, {7, 9}, {16, 40}, {32'760, 32'780}, {99'990, 100'000}};
  for (const auto& [first, end] : ranges) set.add(first, end - first);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  set.for_each_range([&](std::uint64_t first, std::uint64_t end) { found.emplace_back(first, end); });
  EXPECT_EQ(found, ranges);
  EXPECT_FALSE(set.empty());
  EXPECT_EQ(set.same_until(1, 100), 7U);
  EXPECT_EQ(set.same_until(16, 30), 30U);
  EXPECT_EQ(set.same_until(40, sectors), 32'760U);
}

std::string text(char content, std::uint64_t count) {
  return std::string(count * sector_bytes, content);
}

class Overlay {
 public:
  Overlay() = default;
  explicit Overlay(WrittenContent content) { disk.begin_from(std::move(content)); }

  Wrote write(std::uint64_t sector, char content, std::uint64_t count = 1) {
    const std::string bytes = text(content, count);
    return disk.write(sector, std::as_bytes(std::span(bytes)), disk.life());
  }
  /// What each sector begins with; '.': it is in the disk's file.
  std::string read(std::uint64_t sector, std::uint64_t count) const {
    std::string content;
    while (count != 0) {
      const DiskOverlay::Place place = disk.place_of(sector, count);
      EXPECT_GT(place.sectors, 0U);
      EXPECT_LE(place.sectors, count);
      if (place.sectors == 0) break;
      for (std::uint64_t i = 0; i < place.sectors; ++i) {
        char byte = '.';
        if (place.fd >= 0) {
          EXPECT_EQ(
              read_fully(place.fd, place.at + i * sector_bytes, std::as_writable_bytes(std::span(&byte, 1))),
              1);
        }
        content += byte == '\0' ? '0' : byte;
      }
      sector += place.sectors;
      count -= place.sectors;
    }
    return content;
  }
  WrittenContent copy() {
    disk.prepare();
    disk.freeze();
    return disk.frozen();
  }
  void put_back() {
    disk.prepare();
    disk.put_back();
  }

  DiskOverlay disk{sectors};
};

TEST(DiskOverlayTest, ItHasWhatWasWrittenLast) {
  Overlay overlay;
  EXPECT_EQ(overlay.read(0, 8), "........");
  overlay.write(2, 'a', 3);
  overlay.write(3, 'b');
  EXPECT_EQ(overlay.disk.write_zeroes(4, 2, 0), Wrote::all);
  EXPECT_EQ(overlay.read(0, 8), "..ab00..");
}

TEST(DiskOverlayTest, NobodySeesWhatAnotherWritesAfterACopy) {
  Overlay parent;
  parent.write(1, 'a', 4);
  const WrittenContent moment = parent.copy();
  Overlay first(moment), second(moment);
  parent.write(2, 'p');
  first.write(3, 'f');
  second.write(6, 's');
  EXPECT_EQ(parent.read(0, 8), ".apaa...");
  EXPECT_EQ(first.read(0, 8), ".aafa...");
  EXPECT_EQ(second.read(0, 8), ".aaaa.s.");
  Overlay of_first(first.copy()), of_parent(parent.copy());
  first.write(1, 'x', 4);
  parent.write(1, 'y', 4);
  EXPECT_EQ(of_first.read(0, 8), ".aafa...");
  EXPECT_EQ(of_parent.read(0, 8), ".apaa...");
  EXPECT_EQ(second.read(0, 8), ".aaaa.s.");
}

TEST(DiskOverlayTest, ACopyCopiesNothing) {
  Overlay parent;
  parent.write(5, 'a', 100);
  const WrittenContent moment = parent.copy();
  EXPECT_EQ(moment.runs, (Runs{{5 * sector_bytes, 100 * sector_bytes, 0, 5 * sector_bytes}}));
  EXPECT_EQ(parent.copy().files, moment.files) << "nothing was written since";
}

TEST(DiskOverlayTest, FrozenFilesCantBeWritten) {
  Overlay parent;
  parent.write(5, 'a');
  const WrittenContent moment = parent.copy();
  const std::byte byte{};
  EXPECT_FALSE(write_fully(moment.files.at(0)->get(), 0, {&byte, 1}));
}

// The guest and all its clones, against plain copies of what they have to hold.
TEST(DiskOverlayTest, HoweverOftenItIsCopiedEachHasItsOwn) {
  constexpr std::uint64_t used = 200;
  std::mt19937 random(11);
  const auto pick = [&](unsigned limit) { return random() % limit; };
  struct Guest {
    std::unique_ptr<Overlay> overlay;
    std::string expected;
    std::string begun_from;
  };
  std::vector<Guest> guests;
  guests.push_back({std::make_unique<Overlay>(), std::string(used, '.'), std::string(used, '.')});
  for (int step = 0; step < 600; ++step) {
    Guest& guest = guests[pick(static_cast<unsigned>(guests.size()))];
    const std::uint64_t first = pick(used);
    const std::uint64_t count = 1 + pick(static_cast<unsigned>(std::min<std::uint64_t>(used - first, 20)));
    switch (pick(8)) {
      case 0: {
        const WrittenContent content = guest.overlay->copy();
        ASSERT_LE(content.files.size(), most_written_files);
        Guest clone{std::make_unique<Overlay>(content), guest.expected, guest.expected};
        if (guests.size() < 6) {
          guests.push_back(std::move(clone));
        } else {
          guests[1 + pick(5)] = std::move(clone);
        }
        break;
      }
      case 1:
        guest.overlay->put_back();
        guest.expected = guest.begun_from;
        break;
      case 2:
        ASSERT_EQ(guest.overlay->disk.write_zeroes(first, count, guest.overlay->disk.life()), Wrote::all);
        guest.expected.replace(first, count, count, '0');
        break;
      default: {
        const char content = static_cast<char>('a' + pick(26));
        ASSERT_EQ(guest.overlay->write(first, content, count), Wrote::all);
        guest.expected.replace(first, count, count, content);
      }
    }
    for (const Guest& one : guests) ASSERT_EQ(one.overlay->read(0, used), one.expected) << "step " << step;
  }
}

TEST(DiskOverlayTest, WhatWasOnItsWayWhenTheGuestWasPutBackIsNotWritten) {
  Overlay guest;
  guest.write(0, 'a', 4);
  Overlay clone(guest.copy());
  clone.write(1, 'b', 4);
  const std::uint64_t before = clone.disk.life();
  clone.put_back();
  EXPECT_EQ(clone.read(0, 8), "aaaa....");
  const std::string late = text('c', 1);
  EXPECT_EQ(clone.disk.write(2, std::as_bytes(std::span(late)), before), Wrote::undone);
  EXPECT_EQ(clone.disk.write_zeroes(2, 1, before), Wrote::undone);
  EXPECT_EQ(clone.read(0, 8), "aaaa....");
  clone.write(2, 'd');
  EXPECT_EQ(clone.read(0, 8), "aada....");
}

TEST(WrittenFiles, AreJoinedWhenThereAreTooManyTheSmallestOnes) {
  EXPECT_EQ(files_to_join({5, 5, 5, 5, 5, 5}), std::vector<bool>(6));
  EXPECT_EQ(files_to_join({9, 0, 1, 8, 2, 3, 4, 7}),
            (std::vector<bool>{false, false, true, false, true, true, true, true}));
}

TEST(FileAsItWasTest, AnotherLengthOrALaterChangeIsTold) {
  using testing::HasSubstr;
  EXPECT_EQ(why_not_as_it_was({}, {4096, 7}), std::nullopt);
  const FileAsItWas was{4096, 7};
  EXPECT_EQ(why_not_as_it_was(was, was), std::nullopt);
  EXPECT_EQ(why_not_as_it_was(was, {4096, 0}), std::nullopt) << "a block device does not say";
  EXPECT_THAT(why_not_as_it_was(was, {8192, 7}).value(), HasSubstr("a file of 4096 bytes"));
  EXPECT_THAT(why_not_as_it_was(was, {4096, 8}).value(), HasSubstr("changed since"));
}

}  // namespace
}  // namespace samepage::vmm
