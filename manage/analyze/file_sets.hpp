// SPDX-License-Identifier: Apache-2.0
// Sets of files, as numbers: which files have a content. Files come one after the other, so a set is another
// one and one file more: a tree, in which few sets stand for millions of contents. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace samepage::analyze {

class FileSets {
 public:
  using Set = std::uint32_t;
  static constexpr Set empty = 0;

  /// The next file is the current one. The first has the number 0.
  void begin_file();
  [[nodiscard]] std::uint32_t files() const { return files_; }

  /// `set` and the current file.
  Set with_current(Set set) {
    if (nodes_[set].file == files_) return set;
    if (next_[set] == empty) add(set);
    return next_[set];
  }
  /// Its files in descending order.
  [[nodiscard]] std::vector<std::uint32_t> files_of(Set set) const;
  /// All sets, the empty one among them, have lower numbers.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return nodes_.size() * sizeof(Node) + next_.size() * sizeof(Set);
  }

 private:
  struct Node {
    Set rest = empty;
    std::uint32_t file = 0;  // its last file and one; 0: the empty set
  };

  void add(Set set);

  std::vector<Node> nodes_{Node{}};
  std::vector<Set> next_;  // of each set from before the current file: with that file
  std::uint32_t files_ = 0;
};

}  // namespace samepage::analyze
