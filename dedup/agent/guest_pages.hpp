// SPDX-License-Identifier: Apache-2.0
// A guest's RAM as the agent sees it: its pages numbered through all regions, and what the agent knows of
// each. Flags are written by the agent's thread alone and may be read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"

namespace samepage::dedup {

class GuestPages {
 public:
  enum Flag : std::uint8_t {
    offered = 1U << 0,  // its digest stands at the daemon
    merged = 1U << 1,   // mapped to a frame that the daemon counts, and not seen broken since
    on_store =
        1U << 2,     // its mapping is one of a frame store, whether the page is broken or not: a page like
                     // this is never dropped with MADV_DONTNEED, the frame below may be another by now
    zero = 1U << 3,  // given back and not seen written since
    met = 1U << 4,   // seen with memory of its own before
    any = offered | merged | on_store | zero | met,
  };

  struct Region {
    MemoryRegion memory;
    std::uint32_t first_page = 0;  // ordinal of its first page
    [[nodiscard]] std::uint32_t end_page() const {
      return first_page + static_cast<std::uint32_t>(memory.pages.value);
    }
    /// The memory of pages [first, first + count), by ordinal.
    [[nodiscard]] std::span<std::byte> bytes_of(std::uint32_t first, std::uint32_t count) const {
      return {memory.host + PageCount{first - first_page}.bytes(), PageCount{count}.bytes()};
    }
  };

  /// Throws UserError when there are more pages than the protocol can number.
  explicit GuestPages(const std::vector<MemoryRegion>& regions);

  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] const Region& region_of(std::uint32_t page) const;
  [[nodiscard]] std::byte* host(std::uint32_t page) const;
  [[nodiscard]] std::optional<std::uint32_t> page_of(Gfn gfn) const;

  [[nodiscard]] bool has(std::uint32_t page, std::uint8_t flags) const {
    return (flags_of(page).load(relaxed) & flags) != 0;
  }
  void set(std::uint32_t page, std::uint8_t flags) {
    store(page, static_cast<std::uint8_t>(load(page) | flags));
  }
  void clear(std::uint32_t page, std::uint8_t flags) {
    store(page, static_cast<std::uint8_t>(load(page) & static_cast<std::uint8_t>(~flags)));
  }
  /// Pages that have the flag `zero`. The agent's thread.
  [[nodiscard]] std::uint64_t zero_count() const { return zero_count_; }

  /// What page_map() asks. Any thread.
  [[nodiscard]] KnownPage known(std::uint32_t page) const { return {has(page, zero), has(page, merged)}; }

  /// The memory that holds the flags.
  [[nodiscard]] std::span<const std::byte> books() const { return flags_.bytes(); }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;

  // SAFETY: the mapping is zeroed, of count_ bytes and only ever used through these atomic references.
  [[nodiscard]] std::atomic_ref<std::uint8_t> flags_of(std::uint32_t page) const {
    return std::atomic_ref<std::uint8_t>(*reinterpret_cast<std::uint8_t*>(flags_.data() + page));
  }
  [[nodiscard]] std::uint8_t load(std::uint32_t page) const { return flags_of(page).load(relaxed); }
  void store(std::uint32_t page, std::uint8_t flags) {
    const std::uint8_t was = load(page);
    zero_count_ += ((flags & zero) != 0 ? 1U : 0U);
    zero_count_ -= ((was & zero) != 0 ? 1U : 0U);
    flags_of(page).store(flags, relaxed);
  }

  std::vector<Region> regions_;
  std::uint32_t count_ = 0;
  std::uint64_t zero_count_ = 0;  // of the flags below; whatever fails between two steps, they agree
  Mapping flags_;                 // a byte a page, committed where the guest's memory is
};

}  // namespace samepage::dedup
