// SPDX-License-Identifier: Apache-2.0
// The file at a user's path on its way to become a paging file: opened or created, checked, locked. Unless it
// is kept, a file that was created is removed, and another has no more in it than before.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {

class LockedFile {
 public:
  /// Bytes before the room that is set aside: they say that this is a paging file.
  static constexpr std::uint64_t header_bytes = page_size;

  /// Throws UserError: a directory, a link, not a file, another user's, locked, neither empty nor a paging
  /// file, or a mount of its own.
  explicit LockedFile(const std::string& path);
  ~LockedFile();
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;

  /// Mode 0600, the header, and `room` bytes behind it without holes. Throws UserError with the figures.
  void make_paging_file(std::uint64_t room);
  [[nodiscard]] UniqueFd keep() { return std::move(fd_); }

 private:
  [[nodiscard]] bool open();
  [[nodiscard]] bool lock() const;
  void check_kind();

  std::string path_;
  UniqueFd fd_;
  bool created_ = false;
  std::uint64_t found_length_ = 0;
};

}  // namespace samepage::dedup
