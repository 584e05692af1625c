// SPDX-License-Identifier: Apache-2.0
// A record as a file. Each line is written at once, so that what ends the recorder costs the last line at
// most.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "manage/report/record.hpp"

namespace samepage::report {

/// A record that is written. All throw UserError where the file is something else, or can't be written.
class RecordFile {
 public:
  /// What is in a record already stays, and what is appended follows it. One process at a time.
  explicit RecordFile(std::string path);
  void append(std::string_view line) const;

 private:
  void follow_what_is_there() const;

  std::string path_;
  UniqueFd fd_;
};

/// Reads the record at `path`, whose end may be missing. Throws UserError where it isn't one.
void read_record(const std::string& path, RecordReader& reader);

}  // namespace samepage::report
