// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/store_shortage.hpp"

namespace samepage::dedup {

// A memfd is on no disk: whatever the kernel says of one (ENOSPC too), it is memory that it has not.
void StoreShortage::refused(const std::system_error& error) noexcept {
  if (!lacks_) lacks_ = has_strict_commit() ? Resource::commit : Resource::memory;
  note_refused(shortages_, *lacks_, error.what());
}

bool StoreShortage::over() noexcept {
  if (!lacks_) return false;
  note_granted(shortages_, *lacks_);
  lacks_.reset();
  return true;
}

StoreShortage::Next StoreShortage::next() const {
  if (!lacks_) return Next::wait;
  if (!shortages_.is_short(*lacks_)) return Next::go_on;  // another store has found that there is some
  return shortages_.may_try(*lacks_, Shortages::Clock::now()) ? Next::try_one : Next::wait;
}

}  // namespace samepage::dedup
