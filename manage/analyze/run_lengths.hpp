// SPDX-License-Identifier: Apache-2.0
// How many runs there are of each length. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace samepage::analyze {

/// Runs of `from` up to `to` pages, both among them.
struct RunClass {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t runs = 0;
  std::uint64_t pages = 0;
};

class RunLengths {
 public:
  void add(std::uint64_t length, std::uint64_t runs = 1) {
    lengths_[length] += runs;
    runs_ += runs;
  }
  void add(const RunLengths& other) {
    for (const auto& [length, runs] : other.lengths_) add(length, runs);
  }
  [[nodiscard]] std::uint64_t runs() const { return runs_; }
  /// Lengths from one power of two to the next; those without runs are left out.
  [[nodiscard]] std::vector<RunClass> classes() const;
  /// Pages in all runs but the `most` longest.
  [[nodiscard]] std::uint64_t pages_beyond(std::uint64_t most) const;

 private:
  std::map<std::uint64_t, std::uint64_t> lengths_;
  std::uint64_t runs_ = 0;
};

/// Takes pages in their order and finds the runs among them: neighbours that lie side by side elsewhere, too.
class RunCounter {
 public:
  /// The next page is at `place`: a run goes on when that is the one after the last.
  void next(std::uint64_t place) {
    if (length_ != 0 && place == last_ + 1) {
      ++length_;
    } else {
      end();
      length_ = 1;
    }
    last_ = place;
  }
  /// The next page is nowhere else, or not a neighbour of the last.
  void end() {
    if (length_ != 0) lengths_.add(length_);
    length_ = 0;
  }
  [[nodiscard]] const RunLengths& lengths() const { return lengths_; }

 private:
  RunLengths lengths_;
  std::uint64_t last_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace samepage::analyze
