// SPDX-License-Identifier: Apache-2.0
// Tells quiet pages from changing ones the way ksmd does: every page is hashed in every pass, and one whose
// hash is the same as in the last pass was quiet meanwhile. Works on every kernel. 4 bytes a page.
#pragma once

#include <cstdint>

#include "base/mapping.hpp"
#include "dedup/agent/tracker.hpp"

namespace samepage::dedup {

class RehashTracker final : public Tracker {
 public:
  RehashTracker(const GuestPages& pages, const Pagemap& pagemap);

  [[nodiscard]] Evidence evidence() const override { return Evidence::digests; }
  Changes look(const GuestPages::Region& region, std::uint32_t first, std::uint32_t count,
               const Sweep& sweep) override;
  void look_everywhere() override {}
  bool quiet(std::uint32_t page, Digest digest) override;
  void forget(std::uint32_t page) override { last(page) = 0; }
  void dropped(std::uint32_t page) override { last(page) = 0; }
  void forget_all() override;
  void mappings_replaced() override {}
  void track(std::span<const std::byte>) noexcept override {}
  [[nodiscard]] std::span<const std::byte> books() const override { return seen_.bytes(); }

 private:
  // SAFETY: the mapping holds one number for each page and nothing else.
  std::uint32_t& last(std::uint32_t page) { return reinterpret_cast<std::uint32_t*>(seen_.data())[page]; }

  const Pagemap& pagemap_;
  std::uint32_t pages_;
  Mapping seen_;  // the low bits of each page's last digest; 0: not seen
};

}  // namespace samepage::dedup
