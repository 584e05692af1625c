// SPDX-License-Identifier: Apache-2.0
// Turns samples into the lines of a record, and adds from time to time who shares with whom.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "manage/guests/snapshot.hpp"

namespace samepage::report {

class Recorder {
 public:
  using Sink = std::function<void(std::string_view line)>;

  /// Gives `sink` the first line.
  Recorder(Sink sink, std::chrono::milliseconds interval);
  void record(guests::Snapshot snapshot);
  /// The last samples have come; the guests still run, if they do.
  void finish();

 private:
  void record_sharing();

  Sink sink_;
  guests::Snapshot last_;
  std::chrono::steady_clock::time_point next_sharing_;
};

}  // namespace samepage::report
