// SPDX-License-Identifier: Apache-2.0
// Any operations on several guests against the most naive model there is: a copy of each guest's memory.
// After every step all memory is as the guests wrote it; in the end, when all is quiet, exactly what is equal
// is shared. What goes wrong is a failure of the test that runs it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/temporary_directory.hpp"
#include "tests/dedup/choices.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {

class FleetModel {
 public:
  struct Shape {
    bool forks = false;            // parts of memory are copied, as a fork does
    bool scarce_mappings = false;  // in some guests: not all can be shared there
    bool pages_go_out = false;     // to two paging files
    bool early_dups = false;       // contents get dups as soon as they can
    bool uniform = false;          // all guests are in a domain of that mode
    std::size_t pages = 40;        // of each guest
  };

  FleetModel(const Shape& shape, Choose choose);

  /// Something happens.
  void step();
  /// `number`: of the step. Asking the kernel for every guest's page tables takes most of the time: not after
  /// each.
  void check(int number);
  /// All becomes quiet and is compared; then all guests go.
  void finish();

 private:
  struct Copied {
    std::uint32_t first = 0;
    std::vector<std::byte> bytes;
  };

  void page_step(FleetGuest& guest, std::uint32_t what);
  void paging_step(FleetGuest& guest, std::uint32_t what);
  void add_guest();
  GuestOptions some_options();
  void fork(FleetGuest& guest);
  void add_paging_file();
  void change_paging_files();
  void a_disk_fails();
  void check_what_is_backed();
  void check_final_sharing();
  [[nodiscard]] bool chance(std::uint32_t one_in) { return choose_(one_in) == 0; }
  std::uint32_t some_page() { return choose_(static_cast<std::uint32_t>(shape_.pages)); }
  /// Of pages from `first` on.
  std::uint32_t some_pages(std::size_t first) {
    return 1 + choose_(static_cast<std::uint32_t>(shape_.pages - first));
  }

  Shape shape_;
  Choose choose_;
  unsigned next_file_ = 0;
  std::map<std::string, Copied> copies_;  // the last one of each guest
  const TemporaryDirectory folder_;
  Fleet fleet_;
};

}  // namespace samepage::dedup
