// SPDX-License-Identifier: Apache-2.0
// What a domain's store lacks when the kernel gives it no page for a frame. No page is asked for the bytes of
// a new frame then: they would be copied for nothing. After each pause one is, and when its frame can be
// written, all others are too. Pages that wait for a frame wait on meanwhile; nothing of them is forgotten.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>

#include "dedup/shortage.hpp"

namespace samepage::dedup {

class StoreShortage {
 public:
  /// `shortages` are the daemon's: several stores may lack the same.
  explicit StoreShortage(Shortages& shortages) : shortages_(shortages) {}

  /// A frame could not be written.
  void refused(const std::system_error& error) noexcept;
  /// One was written, or nobody waits for one any more. True when that ends what it lacked.
  bool over() noexcept;
  [[nodiscard]] std::optional<Resource> lacks() const { return lacks_; }
  enum class Next : std::uint8_t { wait, try_one, go_on };
  [[nodiscard]] Next next() const;

 private:
  Shortages& shortages_;
  std::optional<Resource> lacks_;
};

}  // namespace samepage::dedup
