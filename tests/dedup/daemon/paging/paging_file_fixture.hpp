// SPDX-License-Identifier: Apache-2.0
// A paging file in a directory of its own, and how much room it takes there.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/paging/paging_file.hpp"

namespace samepage::dedup {

inline constexpr std::uint64_t segment = PagingFile::segment_bytes;
inline constexpr std::uint64_t header = page_size;
inline constexpr std::uint64_t extra =
    header + PagingFile::margin_bytes;  // what it takes beside its initial size
// For extents and the like, which some file systems count.
inline constexpr std::uint64_t metadata = std::uint64_t{256} << 10;

inline struct stat status_of(int fd) {
  struct stat status {};
  check(::fstat(fd, &status), "fstat");
  return status;
}
inline std::uint64_t length_of(int fd) {
  return static_cast<std::uint64_t>(status_of(fd).st_size);
}
inline std::uint64_t blocks_of(int fd) {
  return static_cast<std::uint64_t>(status_of(fd).st_blocks) * 512;
}
inline testing::Matcher<std::uint64_t> room_at_path(std::uint64_t segments) {
  return testing::AllOf(testing::Ge(segments * segment + extra),
                        testing::Le(segments * segment + extra + metadata));
}
inline std::size_t names_in(const std::string& directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class PagingFileTest : public testing::Test {
 protected:
  [[nodiscard]] PagingSpec spec(std::uint64_t initial, std::uint64_t max) const {
    return {path_, initial * segment, max * segment};
  }
  [[nodiscard]] UniqueFd look() const {
    return checked_fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC), "open");
  }
  /// What is said of `path` as a paging file with one segment.
  static std::string refusal(const std::string& path, std::uint64_t initial = 1) {
    try {
      const PagingFile file({path, initial * segment, initial * segment});
    } catch (const UserError& error) {
      return error.what();
    }
    return "it was taken";
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/paging";
};

}  // namespace samepage::dedup
