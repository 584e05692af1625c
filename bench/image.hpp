// SPDX-License-Identifier: Apache-2.0
// What the memory of a measured guest holds: the bytes of a raw RAM file of any VMM, or pages that are made
// from a seed with chosen shares of zero, common and own content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/types.hpp"

namespace samepage::bench {

/// How long the runs are that a generated set is made of.
enum class RunLengths : std::uint8_t {
  fixed,   // all as long as was asked for
  spread,  // that long on the average: as in real guests most are shorter and a few much longer
};

/// A generated set. Every guest has the same runs of common pages, each guest in another order.
struct ImagePattern {
  PageCount pages{16384};  // of each guest
  double zero_percent = 50;
  double common_percent = 35;
  double alike_percent = 0;  // one word apart from a common page, or from another: never to be merged
  double own_percent = 15;
  std::uint32_t run_length = 8;        // neighbouring pages that are also neighbours in other guests
  std::uint32_t zero_run_length = 64;  // zero pages come in longer runs
  RunLengths lengths = RunLengths::fixed;
  std::uint64_t seed = 1;
};

/// The same with pages that no other guest has, and no others.
constexpr ImagePattern all_own(ImagePattern pattern) {
  pattern.zero_percent = 0;
  pattern.common_percent = 0;
  pattern.alike_percent = 0;
  pattern.own_percent = 100;
  return pattern;
}

enum class Content : std::uint8_t { zero, common, alike, own };

/// What stands in one page. Equal kind and number mean equal bytes; a page that is own or alike is equal to
/// no other.
struct PageContent {
  Content kind = Content::zero;
  std::uint64_t number = 0;
};

/// Throws UserError when the shares don't add up, or a run has no length.
void check_shares(const ImagePattern& pattern);
/// The pages of guest number `guest`, in order. Pure. Throws UserError when the shares don't add up.
std::vector<PageContent> layout_of(const ImagePattern& pattern, std::uint32_t guest);
/// Writes page_size bytes. Pure.
void fill_page(std::byte* to, const PageContent& content, const ImagePattern& pattern);

/// One guest's memory, not yet anywhere.
class Image {
 public:
  /// A raw RAM file; what is behind its last whole page is left out. Throws UserError when it can't be read,
  /// or is a file of another kind that holds memory or a disk: its pages would not be where a guest's are.
  explicit Image(std::string path);
  /// Throws UserError when the shares don't add up.
  Image(ImagePattern pattern, std::uint32_t guest);

  [[nodiscard]] PageCount pages() const { return pages_; }
  /// Writes all its pages, also those that are zero: each of them is populated then.
  void load(std::byte* to) const;
  /// The pages that were generated as `kind`; none of a file.
  [[nodiscard]] std::vector<std::uint32_t> pages_with(Content kind) const;

 private:
  std::string path_;  // empty: generated
  ImagePattern pattern_;
  std::uint32_t guest_ = 0;
  PageCount pages_;
};

/// Pages that need no memory of their own in all these images together, found by comparing their bytes.
std::uint64_t count_sharable(const std::vector<Image>& images);

}  // namespace samepage::bench
