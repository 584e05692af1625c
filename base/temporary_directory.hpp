// SPDX-License-Identifier: Apache-2.0
// Where a bench or a test puts its files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.hpp"

namespace samepage {

/// A new empty directory that is removed with all its content when this is destroyed. Throws
/// std::system_error.
class TemporaryDirectory {
 public:
  /// In `parent`, by default where temporary files go.
  explicit TemporaryDirectory(const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : path_((parent / "samepage-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw_errno("mkdtemp");
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace samepage
