// SPDX-License-Identifier: Apache-2.0
// A disk whose blocks can be damaged behind the back of its file system, which finds that out by its
// checksums when it reads them: btrfs in a loop device. Takes root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/temporary_directory.hpp"

namespace samepage::system_test {

class BadDisk {
 public:
  BadDisk();
  ~BadDisk();
  BadDisk(const BadDisk&) = delete;
  BadDisk& operator=(const BadDisk&) = delete;

  /// Why there is none here; empty: there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::string& path() const { return mounted_; }
  /// Damages the pages behind the longest mapping that a process has of a file here. What it has not in
  /// memory can't be read any more. Returns how many pages.
  [[nodiscard]] std::size_t damage(pid_t process) const;

 private:
  std::string make();

  TemporaryDirectory directory_;
  std::string image_ = directory_.path() + "/image";
  std::string mounted_ = directory_.path() + "/disk";
  std::string problem_;
};

}  // namespace samepage::system_test
