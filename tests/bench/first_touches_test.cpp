// SPDX-License-Identifier: Apache-2.0
// What is timed: touches that faulted, of memory that is mapped from a file.
#include "bench/first_touches.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <string>

#include "base/file_bytes.hpp"
#include "base/json.hpp"
#include "base/memory_file.hpp"
#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

class FirstTouchesOfAFile : public testing::Test {
 protected:
  static constexpr std::size_t bytes = 4U << 20U;

  void SetUp() override {
    std::memset(memory_.data(), 7, bytes);
    touches_.emplace(gate_, memory_.bytes(), folder_.path());
    const UniqueFd file(::open(folder_.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(file && write_fully(file.get(), 0, memory_.bytes()) && ::fdatasync(file.get()) == 0);
    ASSERT_NE(::mmap(memory_.data(), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.get(), 0),
              MAP_FAILED);
  }
  json times(const char* from, const char* kind) {
    return touches_->time({{"from", from}, {"kind", kind}, {"rounds", 5}});
  }

  TemporaryDirectory folder_{"/var/tmp"};
  Mapping memory_ = Mapping::anonymous(bytes);
  Gate gate_;
  std::optional<FirstTouches> touches_;
};

TEST_F(FirstTouchesOfAFile, FromTheCacheAreTimedOnBothSides) {
  for (const char* kind : {"read", "write"}) {
    const json found = times("cache", kind);
    EXPECT_FALSE(found.at("out_ns").empty()) << kind;
    EXPECT_FALSE(found.at("plain_ns").empty()) << kind;
    EXPECT_LE(found.at("out_ns").size(), 20U);
  }
}

TEST_F(FirstTouchesOfAFile, WhatIsThereIsNotTimed) {
  // Of pages that are mapped twice the kernel pushes out none, whether the host has swap or not.
  const UniqueFd file = memory_file_with("touched", std::string(bytes, 'x'));
  const Mapping twin = Mapping::shared(file.get(), bytes);
  ASSERT_EQ(::mmap(memory_.data(), bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
                   file.get(), 0),
            memory_.data());
  ASSERT_EQ(::madvise(twin.data(), bytes, MADV_POPULATE_READ), 0);
  EXPECT_TRUE(times("disk", "read").at("out_ns").empty()) << "no disk is behind it";
}

TEST(FirstTouches, AFolderThatIsNotThereIsRefused) {
  Gate gate;
  const Mapping memory = Mapping::anonymous(4096);
  EXPECT_ANY_THROW(FirstTouches(gate, memory.bytes(), "/nonexistent"));
}

}  // namespace
}  // namespace samepage::bench
