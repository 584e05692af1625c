// SPDX-License-Identifier: Apache-2.0
// The worst case: every guest writes all that it shares. So much memory would be needed then, beside what is
// left. It is counted for the host, which all guests' memory comes from, and for each cgroup that leaves some
// of them less. What the frames themselves take is not subtracted, though they go when nobody maps them any
// more: the last copy is made before the frame goes. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "dedup/protocol.hpp"

namespace samepage::dedup {

class WorstCases {
 public:
  struct Place {
    std::uint64_t needed = 0;     // bytes
    std::uint64_t available = 0;  // bytes
    std::uint64_t guests = 0;

    [[nodiscard]] std::uint64_t uncovered() const { return needed > available ? needed - available : 0; }
  };
  static constexpr std::uint64_t host = 0;  // as in MemoryRoom::place

  explicit WorstCases(std::uint64_t host_available = 0) : places_{{host, {0, host_available}}} {}

  /// What a guest's agent has reported last.
  void add(const wire::Report& report);

  [[nodiscard]] const Place& of_host() const { return places_.at(host); }
  /// Where most is missing; 0: nowhere.
  [[nodiscard]] std::uint64_t uncovered() const;
  [[nodiscard]] const std::map<std::uint64_t, Place>& places() const { return places_; }

 private:
  std::map<std::uint64_t, Place> places_;
};

/// Where it is not covered, to be told once: it begins when more is needed than there is, and it is over when
/// a tenth of what there is is left.
class UncoveredPlaces {
 public:
  /// Those where it begins, and where it is over.
  struct News {
    std::vector<std::uint64_t> begins, over;
  };
  [[nodiscard]] News compare(const WorstCases& now);
  /// The same, and writes it to the log.
  void tell(const WorstCases& now);

 private:
  std::set<std::uint64_t> uncovered_;
};

}  // namespace samepage::dedup
