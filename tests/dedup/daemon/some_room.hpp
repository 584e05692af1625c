// SPDX-License-Identifier: Apache-2.0
// Room for slots that is only counted.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>

#include "dedup/daemon/paging/slot_room.hpp"

namespace samepage::dedup {

/// Two files with room for so many slots each.
class SomeRoom : public SlotRoom {
 public:
  explicit SomeRoom(std::uint32_t slots) : slots_(slots) {}
  [[nodiscard]] std::optional<unsigned> next_file() override {
    for (const unsigned file : {2U, 5U}) {
      if (!full_.contains(file)) return file;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint32_t end(unsigned) const override { return slots_; }
  void all_taken(unsigned file) override { full_.insert(file); }
  [[nodiscard]] bool take(FrameId slot) override {
    EXPECT_TRUE(taken_.insert(slot).second) << "a slot is taken twice";
    return true;
  }
  void release(FrameId slot) noexcept override {
    EXPECT_EQ(taken_.erase(slot), 1U);
    full_.clear();
  }
  [[nodiscard]] bool is_leaving(unsigned file) const override { return leaving_ == file; }
  void leave(unsigned file) { leaving_ = file, full_.insert(file); }
  [[nodiscard]] const std::set<FrameId>& taken() const { return taken_; }

 private:
  std::uint32_t slots_;
  std::set<unsigned> full_;
  std::optional<unsigned> leaving_;
  std::set<FrameId> taken_;
};

}  // namespace samepage::dedup
