// SPDX-License-Identifier: Apache-2.0
#include "bench/sets.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "bench/floor.hpp"

namespace samepage::bench {
namespace {

std::string complaint_about(const std::string& set) {
  try {
    on_set({}, set);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Sets, AGeneratedSetTakesWhatIsNotNamedFromTheOptions) {
  Options options;
  options.image_paths = {"a.ram"};
  options.pattern.pages = PageCount{99};
  const Options on =
      on_set(options, "generated:zero=30,common=50,alike=5,run=4,zero-run=9,lengths=spread,seed=7");
  EXPECT_TRUE(on.image_paths.empty());
  EXPECT_EQ(on.guests, 8U);
  EXPECT_EQ(on.pattern.pages, PageCount{99});
  EXPECT_EQ(on.pattern.zero_percent, 30);
  EXPECT_EQ(on.pattern.common_percent, 50);
  EXPECT_EQ(on.pattern.alike_percent, 5);
  EXPECT_EQ(on.pattern.own_percent, 15) << "the rest";
  EXPECT_EQ(on.pattern.run_length, 4U);
  EXPECT_EQ(on.pattern.zero_run_length, 9U);
  EXPECT_EQ(on.pattern.lengths, RunLengths::spread);
  EXPECT_EQ(on.pattern.seed, 7U);
  EXPECT_EQ(on_set(options, "generated").pattern.own_percent, 15);
  EXPECT_EQ(on_set(options, "generated:guests=3,pages=64").guests, 3U);
}

// What merging finds in it is what was asked for.
TEST(Sets, AGeneratedSetHasTheSharesAndTheRunsThatWereAskedFor) {
  const Options on = on_set({}, "generated:guests=4,pages=6000,zero=30,common=40,alike=10,run=5,zero-run=20");
  const SetFigures set = memory_set_of(images_of(on)).figures;
  EXPECT_EQ(set.pages, 4U * 6000);
  EXPECT_EQ(set.zero_pages, 4U * 1800);
  EXPECT_EQ(set.shared_pages, 4U * 2400);
  EXPECT_EQ(set.frames, 2400U);
  EXPECT_EQ(set.unique_pages, 4U * 1800) << "a page that is alike equals no other";
  // Runs of five. Where two of them lie one behind the other in the first guest, which numbers the frames,
  // they are one.
  EXPECT_GT(set.runs, 4U * 2400 / 5 * 8 / 10);
  EXPECT_LE(set.runs, 4U * 2400 / 5);
}

TEST(Sets, AFolderIsItsRamImagesInOrder) {
  const TemporaryDirectory folder;
  for (const char* name : {"b.ram", "a.ram", "a.log"}) {
    std::ofstream(folder.path() + "/" + name) << std::string(page_size, 'x');
  }
  const Options on = on_set({}, folder.path());
  EXPECT_EQ(on.image_paths, (std::vector<std::string>{folder.path() + "/a.ram", folder.path() + "/b.ram"}));
  EXPECT_EQ(images_of(on).size(), 2U);
}

TEST(Sets, NamesAreThoseOfFoldersOrWhatWasTyped) {
  EXPECT_EQ(name_of_set("build/images-linux"), "images-linux");
  EXPECT_EQ(name_of_set("build/images-linux/"), "images-linux");
  EXPECT_EQ(name_of_set("generated:run=4"), "generated:run=4");
}

TEST(Sets, MistakesNameTheWayOut) {
  const TemporaryDirectory empty;
  EXPECT_NE(complaint_about(empty.path()).find("make-linux-images"), std::string::npos);
  EXPECT_NE(complaint_about("/nonexistent").find("generated:"), std::string::npos);
  EXPECT_NE(complaint_about("generated:colour=3").find("zero-run"), std::string::npos);
  EXPECT_NE(complaint_about("generated:run").find("KEY=VALUE"), std::string::npos);
  EXPECT_NE(complaint_about("generated:run=0"), "");
  EXPECT_NE(complaint_about("generated:run=-1"), "");
  EXPECT_NE(complaint_about("generated:zero=many"), "");
  EXPECT_NE(complaint_about("generated:zero=60,common=50").find("100"), std::string::npos);
  EXPECT_NE(complaint_about("generated:lengths=long").find("spread"), std::string::npos);
}

}  // namespace
}  // namespace samepage::bench
