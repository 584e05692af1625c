// SPDX-License-Identifier: Apache-2.0
// The lines of a record: what was sampled of a host and its guests, an object of JSON a line. Whoever reads
// one may get it from anybody, and cut off anywhere. Pure.
//
//   {"record": "samepage", "version": 1, "program": "0.1.0", "started": SECONDS, "interval_s": SECONDS}
//   {"t": SECONDS, "host": {...}, "guests": [{...}]}         as in `stat --json`, without lists
//   {"t": SECONDS, "sharing": {"guests": [{"name", "domain"}], "bytes": [[...]], "left_out"}}
//
// Times are seconds since 1970. A record that is added to later has a first line once more.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "manage/guests/snapshot.hpp"
#include "manage/report/history.hpp"
#include "manage/report/sharing.hpp"

namespace samepage::report {

[[nodiscard]] std::string first_line(double started, std::chrono::milliseconds interval);
[[nodiscard]] std::string sample_line(const guests::Snapshot& snapshot);
[[nodiscard]] std::string sharing_line(double time, const SharingMatrix& matrix);
[[nodiscard]] double seconds_of(std::chrono::system_clock::time_point time);

/// Whether a record may begin like this.
[[nodiscard]] bool is_first_line(std::string_view line);

/// Takes the lines of records, one after the other, and passes over those that aren't whole.
class RecordReader {
 public:
  explicit RecordReader(History& history) : history_(history) {}
  void read(std::string_view line);
  /// Lines that were passed over.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_; }

 private:
  History& history_;
  std::uint64_t damaged_ = 0;
};

}  // namespace samepage::report
