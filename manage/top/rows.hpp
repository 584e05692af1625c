// SPDX-License-Identifier: Apache-2.0
// What `samepage top` shows of each guest: from one sample, and where it shows rates from the one before it.
// Pure: the time of a sample is passed in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "manage/guests/snapshot.hpp"
#include "manage/top/columns.hpp"

namespace samepage::top {

struct Row {
  std::string name;    // which it is reached by
  std::string state;   // "running", "paused", "stopped" or "not answering"
  std::string domain;  // as it tells it
  bool answers = false;
  std::vector<Cell> cells;  // one for each of columns()
};

class RowMaker {
 public:
  /// The rows of a sample that was taken `seconds` after some fixed moment: later than the last one.
  std::vector<Row> rows(const guests::Snapshot& snapshot, double seconds);

 private:
  struct Before {
    nlohmann::json guest;
    double seconds = 0;
  };

  std::map<std::string, Before> before_;  // what each guest told last
};

/// How fast a counter grows between what a guest told before and tells now; nothing where it has started
/// again meanwhile, or no time has passed.
std::optional<double> growth(const nlohmann::json& before, const nlohmann::json& now, std::string_view key,
                             double seconds);

/// Bytes that merging saves because of this guest: its zero pages, and its shared ones less its part of the
/// frames. The parts of all guests add up to the host's saved_bytes.
double saved_by(const nlohmann::json& guest, const nlohmann::json& host);

}  // namespace samepage::top
