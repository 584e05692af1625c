// SPDX-License-Identifier: Apache-2.0
// Knobs that somebody has set outlive the daemon: a private one ends with its last guest, and what was tuned
// is to hold for the next. They are in a file, a line each, as `samepage tune` takes them.
#pragma once

#include <string>
#include <utility>

#include "dedup/daemon/kept_lines.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {

class KeptKnobs {
 public:
  explicit KeptKnobs(std::string path) : lines_(std::move(path)) {}
  [[nodiscard]] static std::string place(const std::string& socket_path) {
    return KeptLines::place(socket_path, "knobs");
  }

  /// Sets those that the file has. A line that makes no sense is left out and said on stderr, and so is a
  /// file that is neither ours nor root's. False when there is no such file.
  bool read_into(Settings& knobs) const;
  /// Keeps those that are not as in `defaults`; without any there is no file. False when it can't be written.
  [[nodiscard]] bool keep(const Settings& knobs, const Settings& defaults) const;
  [[nodiscard]] const std::string& path() const { return lines_.path(); }

 private:
  KeptLines lines_;
};

}  // namespace samepage::dedup
