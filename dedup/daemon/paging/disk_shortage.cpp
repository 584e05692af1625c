// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/disk_shortage.hpp"

#include <utility>

namespace samepage::dedup {
namespace {

// An agent that wants pages out says so again within that time.
constexpr unsigned quiet_at_most = 30;

}  // namespace

void DiskShortage::holds_back() {
  ++held_back_;
  if (!lacks_) refused("the paging files, or their disks, are full");
}

void DiskShortage::refused(std::string_view why) {
  lacks_ = true;
  note_refused(shortages_, Resource::disk, why);
}

bool DiskShortage::next() {
  if (!lacks_) return true;
  const std::uint64_t held_back = std::exchange(held_back_, 0);
  if (held_back > 0) waiting_ = held_back;
  quiet_ = held_back > 0 ? 0 : quiet_ + 1;
  if (quiet_ == quiet_at_most) end();
  return shortages_.may_try(Resource::disk, Shortages::Clock::now());
}

void DiskShortage::end() {
  if (!std::exchange(lacks_, false)) return;
  held_back_ = waiting_ = 0;
  quiet_ = 0;
  note_granted(shortages_, Resource::disk);
}

}  // namespace samepage::dedup
