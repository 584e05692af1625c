// SPDX-License-Identifier: Apache-2.0
// Dups: several frames for one content. A content that a guest has in many pages in a row (what Linux leaves
// in the freed pages of its initrd) would take a mapping for each of them, because one frame is at one place
// of the store. Such a content gets a run of further frames with the same bytes, with numbers in a row, so
// that neighbouring pages map neighbouring frames: page n maps the one of n mod the run's length. A dup is
// made when a page needs it, and counted and reaped like any frame. KSM does the same for another reason
// (max_page_sharing) and with more copies. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

#include "dedup/daemon/keyed_hash.hpp"
#include "dedup/daemon/ledger.hpp"

namespace samepage::dedup {

/// When a content gets dups: with so many references to one frame, so many frames in a row. The memory that
/// they cost is at most run / references of what the content has saved.
struct DupPolicy {
  std::uint32_t references = 512;
  std::uint32_t run = 32;
};

/// Copies a published frame's bytes to a frame that nobody maps. False when there is no memory for it.
using CopyFrame = std::function<bool(FrameId from, FrameId to)>;

class Dups {
 public:
  /// Without `copy_frame` no content gets dups.
  Dups(Ledger& ledger, CopyFrame copy_frame, DupPolicy policy)
      : ledger_(ledger), copy_frame_(std::move(copy_frame)), policy_(policy) {}
  ~Dups() = default;
  Dups(const Dups&) = delete;
  Dups& operator=(const Dups&) = delete;

  /// Whether the content of `frame` is in so many pages that it may get dups.
  [[nodiscard]] bool is_popular(FrameId frame) const;
  /// The frame that `page` is to map for the content of the published `frame`: that one, or a dup where the
  /// page before has the same content and the content is popular, or has dups already. `reaped` are frames
  /// whose memory is about to be given back: bytes that they got now would be lost.
  FrameId frame_for(PageId page, FrameId frame, bool popular, std::span<const FrameId> reaped);
  /// Whether the content has dups.
  [[nodiscard]] bool has(Digest digest) const { return !runs_.empty() && runs_.contains(digest.value); }
  /// A published frame without references goes. Its content stays where another frame has it.
  void reap(FrameId frame);

 private:
  // The numbers that the dups of a content have or may get.
  struct Run {
    FrameId first;
    std::uint32_t frames = 0;  // that there are
  };
  using Runs = std::unordered_map<std::uint64_t, Run, KeyedHash>;  // by digest

  [[nodiscard]] bool continues_content(PageId page, Digest digest) const;
  [[nodiscard]] std::optional<FrameId> another_than(FrameId frame, const Run& run) const;
  [[nodiscard]] bool make(FrameId dup, FrameId from);
  void drop_if_empty(Runs::iterator run);

  Ledger& ledger_;
  CopyFrame copy_frame_;
  DupPolicy policy_;
  Runs runs_;
};

}  // namespace samepage::dedup
