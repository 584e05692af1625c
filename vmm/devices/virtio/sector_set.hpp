// SPDX-License-Identifier: Apache-2.0
// Which sectors of a disk are in some file: a bit for each, in memory that is there where bits are set. Pure.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/mapping.hpp"

namespace samepage::vmm {

inline constexpr std::uint64_t sector_bytes = 512;

class SectorSet {
 public:
  /// Of a disk with so many sectors; empty.
  explicit SectorSet(std::uint64_t sectors);

  void add(std::uint64_t first, std::uint64_t count);
  [[nodiscard]] bool has(std::uint64_t sector) const;
  /// The first sector behind `first` for which has() is another than for that one; at most `end`.
  [[nodiscard]] std::uint64_t same_until(std::uint64_t first, std::uint64_t end) const;
  [[nodiscard]] bool empty() const { return empty_; }
  /// Calls `visit` with the first sector and the end of each range of sectors in it, in ascending order.
  void for_each_range(const std::function<void(std::uint64_t first, std::uint64_t end)>& visit) const;

 private:
  std::uint64_t sectors_;
  Mapping bits_;
  std::vector<bool> used_;  // for each page of the bits: it has some
  bool empty_ = true;
};

}  // namespace samepage::vmm
