// SPDX-License-Identifier: Apache-2.0
// What becomes of the pages of one domain that are to go out while no paging file has room, or a disk refuses
// to be written: they stay in memory, shared where others have them too. Room is asked for again after a
// growing pause. It is over when a page has gone out, or when nobody has wanted any to for a while. The
// daemon's thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "dedup/shortage.hpp"

namespace samepage::dedup {

class DiskShortage {
 public:
  /// `shortages` are the daemon's.
  explicit DiskShortage(Shortages& shortages) : shortages_(shortages) {}
  ~DiskShortage() { end(); }  // nobody is left who wants pages out
  DiskShortage(const DiskShortage&) = delete;
  DiskShortage& operator=(const DiskShortage&) = delete;

  /// A page does not go out for want of room.
  void holds_back();
  /// A disk has refused room or bytes, for the reason `why`.
  void refused(std::string_view why);
  /// Room was asked for once more in vain.
  void tried_in_vain() {
    if (lacks_) shortages_.refused(Resource::disk, Shortages::Clock::now());
  }
  /// A page has gone out.
  void written() { end(); }
  /// About once a second. True when room may be asked for again.
  [[nodiscard]] bool next();
  [[nodiscard]] bool lacks() const { return lacks_; }
  /// Pages that were held back in the last second.
  [[nodiscard]] std::uint64_t waiting() const { return waiting_; }

 private:
  void end();

  Shortages& shortages_;
  bool lacks_ = false;
  std::uint64_t held_back_ = 0;  // since the last call of next()
  std::uint64_t waiting_ = 0;
  unsigned quiet_ = 0;  // calls without any that was held back
};

}  // namespace samepage::dedup
