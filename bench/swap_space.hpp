// SPDX-License-Identifier: Apache-2.0
// Swap of the kernel's for the length of one measurement: a file, or compressed memory (zram). It is taken
// away when this ends, or the bench does, however it ends. Changes a setting of the whole host; root only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/keeper.hpp"

namespace samepage::bench {

class SwapSpace {
 public:
  /// Why there can be none, for people; empty: there can.
  [[nodiscard]] static std::string obstacle();
  /// A new file of that size in `folder`.
  SwapSpace(const std::string& folder, std::uint64_t bytes);
  /// A new zram device for so much memory, with the compression that the host prefers.
  enum class Zram : std::uint8_t { device };
  SwapSpace(Zram kind, std::uint64_t bytes);

  /// Bytes of it that hold something.
  [[nodiscard]] std::uint64_t used() const;
  /// Memory that it takes itself: none of a file.
  [[nodiscard]] std::uint64_t memory() const;

 private:
  void turn_on(std::uint64_t bytes);

  std::string path_;
  std::string sysfs_;  // of a zram device
  std::optional<Keeper> keeper_;
};

/// The header of swap space with so many pages, the header's own among them: one page, as mkswap(8) writes
/// it. Pure.
std::string swap_header(std::uint32_t pages);
/// How many bytes of the swap space at `path` are used, by the text of /proc/swaps; 0 when it is not there.
/// Pure.
std::uint64_t used_swap(const std::string& swaps, const std::string& path);

}  // namespace samepage::bench
