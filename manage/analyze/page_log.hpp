// SPDX-License-Identifier: Apache-2.0
// The pages of all files in their order: four bytes for each that is not zero, and four for all zero pages
// between two of them. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/growing_mapping.hpp"

namespace samepage::analyze {

class PageLog {
 public:
  /// A content's number and one, or what is no such page and parts neighbours.
  using Word = std::uint32_t;
  static constexpr Word parting = 0;
  static constexpr Word word_of(std::uint32_t content) { return content + 1; }
  static constexpr std::uint32_t content_of(Word word) { return word - 1; }

  struct File {
    std::uint64_t first = 0;  // of its words
    std::uint64_t pages = 0;
    std::uint64_t zero_pages = 0;
    std::uint64_t hole_pages = 0;  // of the zero pages
  };

  void begin_file() { files_.push_back({count_, 0, 0, 0}); }
  /// Room for so many pages and what parts them. Throws std::system_error.
  void make_room(std::uint64_t pages) { words_.grow(count_ + 2 * pages); }
  void add(std::uint32_t content) {
    ++files_.back().pages;
    words_[count_++] = word_of(content);
  }
  void add_zero(std::uint64_t pages) {
    files_.back().pages += pages;
    files_.back().zero_pages += pages;
    part();
  }
  void add_hole(std::uint64_t pages) {
    files_.back().hole_pages += pages;
    add_zero(pages);
  }
  void part() {
    if (count_ == files_.back().first || words_[count_ - 1] != parting) words_[count_++] = parting;
  }

  [[nodiscard]] const std::vector<File>& files() const { return files_; }
  /// Of one file, or of all.
  [[nodiscard]] std::span<const Word> words_of(std::size_t file) const {
    const std::uint64_t end = file + 1 < files_.size() ? files_[file + 1].first : count_;
    return words().subspan(files_[file].first, end - files_[file].first);
  }
  [[nodiscard]] std::span<const Word> words() const { return {count_ == 0 ? nullptr : &words_[0], count_}; }
  [[nodiscard]] std::uint64_t memory_bytes() const { return count_ * sizeof(Word); }

 private:
  GrowingArray<Word> words_;
  std::uint64_t count_ = 0;
  std::vector<File> files_;
};

}  // namespace samepage::analyze
