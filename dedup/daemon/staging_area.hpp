// SPDX-License-Identifier: Apache-2.0
// Where a guest's agent puts the pages that it is asked to donate: memory that both can write. A page is
// asked for once, and its slot is its own until the donation comes. What is taken is copied out first: the
// agent can still write the slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/growing_mapping.hpp"
#include "base/mapping.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class StagingArea {
 public:
  static constexpr std::uint32_t slots = 128;  // 512 KiB for a guest while it donates
  static constexpr std::uint64_t max_bytes = std::uint64_t{slots} << page_shift;

  /// For a guest of so many pages. Throws std::system_error.
  explicit StagingArea(std::uint32_t pages);

  /// The page is to be donated. What the agent sends is the page as it is then: asking twice is asking once.
  void request(PageIndex page);
  /// Gives free slots to pages that were requested and have none; these are to be told to the agent. Where
  /// they are fewer than those pages, none before half of all are free.
  [[nodiscard]] std::vector<wire::Donation> assign_slots();
  /// Copies a donation out and frees its slot. False when the page was not asked for with this slot.
  [[nodiscard]] bool take(const wire::Donation& donation, std::span<std::byte, page_size> copy);
  /// While no donation is awaited, the area costs no memory.
  void give_back_if_idle() noexcept;

  /// To hand to the agent, which may write it.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Memory that it takes now.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  UniqueFd fd_;
  Mapping memory_;
  std::vector<std::optional<PageIndex>> awaited_;  // for each slot, the page whose donation it is for
  std::vector<std::uint32_t> free_slots_;
  std::deque<PageIndex> waiting_;          // for a free slot
  GrowingArray<std::uint64_t> asked_for_;  // a bit for each page that is waiting or awaited
};

}  // namespace samepage::dedup
