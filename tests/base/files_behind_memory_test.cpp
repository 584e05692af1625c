// SPDX-License-Identifier: Apache-2.0
#include "base/files_behind_memory.hpp"

#include <gtest/gtest.h>

namespace samepage {
namespace {

TEST(FilesBehindMemory, AreNamedOnceAndInTheirOrder) {
  EXPECT_EQ(files_behind_memory(), "");
  note_file_behind_memory("/a/b");
  note_file_behind_memory("/a");
  note_file_behind_memory("/a/b");
  note_file_behind_memory("");
  EXPECT_EQ(files_behind_memory(), "/a/b, /a");
  note_file_behind_memory(std::string(5000, 'x'));
  EXPECT_EQ(files_behind_memory(), "/a/b, /a") << "there is no room for it";
}

}  // namespace
}  // namespace samepage
