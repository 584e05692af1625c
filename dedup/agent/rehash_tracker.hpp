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
  [[nodiscard]] Look find_written(const PageRange& range) override { return {{range}, {}, {}}; }
  [[nodiscard]] Changes take(const Look& look) override;
  void look_everywhere() override {}
  bool quiet(PageIndex page, Digest digest) override;
  void forget(PageIndex page) override { last(page) = 0; }
  void dropped(PageIndex page) override { last(page) = 0; }
  void forget_all() override;
  void mappings_replaced() override {}
  void track(std::span<const std::byte>) noexcept override {}
  [[nodiscard]] bool watch(const PageRange&, const std::function<void(PageRange)>&) override { return false; }
  [[nodiscard]] bool written_since(const PageRange&, const std::function<void(PageRange)>&) const override {
    return false;
  }
  [[nodiscard]] std::span<const std::byte> metadata() const override { return last_.bytes(); }

 private:
  // SAFETY: the mapping holds one number for each page and nothing else.
  std::uint32_t& last(PageIndex page) { return reinterpret_cast<std::uint32_t*>(last_.data())[page.value]; }

  const GuestPages& pages_;
  const Pagemap& pagemap_;
  Mapping last_;  // the low bits of each page's last digest; 0: none
};

}  // namespace samepage::dedup
