// SPDX-License-Identifier: Apache-2.0
// Numbers for the contents of pages, in the order in which each was first seen. An open-addressing table of
// four bytes a slot, with linear probing; the hashes are beside it, in the order of their numbers. So a
// larger table is made from them alone, when the former one is gone already. Pure.
//
// What is alike in 128 bits of hash counts as equal. The secret is random, so that no file can be made to
// break that.
#pragma once

#include <cstdint>

#include "base/growing_mapping.hpp"
#include "base/mapping.hpp"
#include "dedup/page_hash.hpp"

namespace samepage::analyze {

using dedup::WideHash;

class ContentTable {
 public:
  ContentTable() { make_slots(min_slots); }

  /// Makes sure that so many contents more find room. Throws std::system_error.
  void make_room(std::uint64_t contents);
  /// Memory that make_room() would add.
  [[nodiscard]] std::uint64_t growth_bytes(std::uint64_t contents) const;
  /// The content's number; a new one where there is room for it.
  std::uint32_t number_of(const WideHash& hash);
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint64_t memory_bytes() const;

  // Nearly all time that a look-up takes is waiting for memory. For several at a time call the first for
  // each, then the second for each.
  void prefetch_slot(const WideHash& hash) const { __builtin_prefetch(slots() + home(hash)); }
  void prefetch_hash(const WideHash& hash) const {
    if (const std::uint32_t slot = slots()[home(hash)]; slot != 0) __builtin_prefetch(&hashes_[slot - 1]);
  }

 private:
  static constexpr std::uint64_t min_slots = std::uint64_t{1} << 12;

  // SAFETY: zeroed memory that holds numbers and nothing else.
  [[nodiscard]] std::uint32_t* slots() const { return reinterpret_cast<std::uint32_t*>(slots_.data()); }
  [[nodiscard]] std::uint64_t home(const WideHash& hash) const { return hash.low & (slot_count_ - 1); }
  [[nodiscard]] std::uint64_t slots_for(std::uint64_t contents) const;
  void make_slots(std::uint64_t count);

  Mapping slots_;  // a content's number and one; 0: free
  std::uint64_t slot_count_ = 0;
  GrowingArray<WideHash> hashes_;
  std::uint32_t size_ = 0;
};

}  // namespace samepage::analyze
