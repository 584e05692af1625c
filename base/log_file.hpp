// SPDX-License-Identifier: Apache-2.0
// A file that lines are appended to, by any number of processes, and that does not grow for ever: when it is
// full it becomes FILE.1, in place of the one before. A full disk costs lines. It is made with the first
// line.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace samepage {

class LogFile {
 public:
  static constexpr std::uint64_t usual_size = std::uint64_t{1} << 20U;

  /// Of the file, and of the one before it.
  explicit LogFile(std::string path, std::uint64_t most_bytes = usual_size)
      : path_(std::move(path)), most_bytes_(most_bytes) {}

  /// False when it could not be written, or only a part of it. Any thread.
  bool append(std::string_view line) noexcept;
  /// The next line opens it anew.
  void close() { fd_.reset(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] bool is_open_where_it_should_be() const;
  void open();
  void make_room(std::size_t bytes);

  std::string path_;
  std::uint64_t most_bytes_;
  std::mutex mutex_;
  UniqueFd fd_;
};

}  // namespace samepage
