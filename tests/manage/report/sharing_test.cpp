// SPDX-License-Identifier: Apache-2.0
#include "manage/report/sharing.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace samepage::report {
namespace {

using nlohmann::json;

constexpr std::uint64_t page = 4096;

TEST(Sharing, CountsFramesThatBothMapOnce) {
  const SharingMatrix matrix = sharing_matrix({
      {"a", "d", {{0, 10}, {5, 12}, {20, 21}}},
      {"b", "d", {{8, 22}}},
      {"c", "d", {{100, 101}}},
  });
  ASSERT_EQ(matrix.guests.size(), 3U);
  EXPECT_EQ(matrix.bytes[0][0], 13 * page);
  EXPECT_EQ(matrix.bytes[0][1], 5 * page);
  EXPECT_EQ(matrix.bytes[1][0], 5 * page);
  EXPECT_EQ(matrix.bytes[1][1], 14 * page);
  EXPECT_EQ(matrix.bytes[0][2], 0U);
  EXPECT_EQ(matrix.bytes[2][2], 1 * page);
}

TEST(Sharing, FramesOfDifferentDomainsAreDifferent) {
  const SharingMatrix matrix = sharing_matrix({{"a", "left", {{0, 10}}}, {"b", "right", {{0, 10}}}});
  EXPECT_EQ(matrix.bytes[0][1], 0U);
  EXPECT_EQ(matrix.bytes[1][1], 10 * page);
}

TEST(Sharing, IsWhatCountingFrameByFrameGives) {
  std::mt19937 random(1);
  std::vector<GuestFrames> guests;
  std::vector<std::set<std::uint64_t>> frames;
  for (int g = 0; g < 6; ++g) {
    guests.push_back({std::string(1, static_cast<char>('a' + g)), "d", {}});
    frames.emplace_back();
    for (int run = 0; run < 30; ++run) {
      const std::uint64_t first = random() % 200;
      const std::uint64_t end = first + 1 + random() % 9;
      guests.back().runs.push_back({first, end});
      for (std::uint64_t frame = first; frame < end; ++frame) frames.back().insert(frame);
    }
  }
  const SharingMatrix matrix = sharing_matrix(guests);
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      std::uint64_t both = 0;
      for (const std::uint64_t frame : frames[i]) both += frames[j].count(frame);
      EXPECT_EQ(matrix.bytes[i][j], both * page) << i << " " << j;
    }
  }
}

TEST(Sharing, TakesThoseThatMapMostAndKeepsDomainsTogether) {
  std::vector<GuestFrames> guests{{"none", "d", {}}};
  for (std::uint64_t i = 0; i < 40; ++i) {
    guests.push_back({"g" + std::to_string(i), i % 2 == 0 ? "x" : "y", {{0, i + 1}}});
  }
  const SharingMatrix matrix = sharing_matrix(guests);
  EXPECT_EQ(matrix.guests.size(), most_in_matrix);
  EXPECT_EQ(matrix.left_out, 40 - most_in_matrix);
  for (std::size_t i = 0; i < matrix.guests.size(); ++i) {
    EXPECT_GE(matrix.bytes[i][i], 9 * page) << "a small one is here";
    if (i > 0) {
      EXPECT_LE(matrix.guests[i - 1].domain, matrix.guests[i].domain);
    }
  }
}

TEST(Sharing, RunsThatCannotBeAreLeftOut) {
  const json map = json::parse(R"([
    {"gfn": 0, "pages": 3, "state": "frame", "frame": 7},
    {"gfn": 3, "pages": 2, "state": "own"},
    {"gfn": 5, "pages": 18446744073709551615, "state": "frame", "frame": 1},
    {"gfn": 5, "pages": 1, "state": "frame", "frame": 18446744073709551615},
    {"gfn": 5, "pages": 0, "state": "frame", "frame": 1},
    {"gfn": 5, "pages": -1, "state": "frame", "frame": "x"},
    7, null])");
  const std::vector<FrameRun> runs = frame_runs(map);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].first, 7U);
  EXPECT_EQ(runs[0].end, 10U);
  EXPECT_TRUE(frame_runs(json::object()).empty());
}

TEST(Sharing, AsJsonIsReadBackAndWhatIsNoMatrixIsEmpty) {
  const SharingMatrix matrix = sharing_matrix({{"a", "d", {{0, 2}}}, {"b", "d", {{1, 3}}}});
  const SharingMatrix back = sharing_from_json(to_json(matrix));
  EXPECT_EQ(back.bytes, matrix.bytes);
  EXPECT_EQ(back.guests[1].name, "b");
  json odd = to_json(matrix);
  odd["bytes"].erase(0);
  EXPECT_TRUE(sharing_from_json(odd).empty());
  odd["bytes"] = "x";
  EXPECT_TRUE(sharing_from_json(odd).empty());
  EXPECT_TRUE(sharing_from_json(json::array()).empty());
}

}  // namespace
}  // namespace samepage::report
