// SPDX-License-Identifier: Apache-2.0
#include "bench/cases/cases.hpp"

#include <array>

namespace samepage::bench {

std::span<const Case> all_cases() {
  static constexpr std::array cases{
      Case{{"merge", "merging all images from the beginning"}, false, false, measure_merge},
      Case{{"idle", "a further pass when 0, 1 and 10 % of the pages were written"},
           false,
           false,
           measure_idle},
      Case{{"converge", "a guest joins others that are settled"}, false, false, measure_converge},
      Case{{"break", "the first write to a merged page (generated guests)"}, true, false, measure_break},
      Case{{"hold", "how long a working guest is held"}, false, false, measure_hold},
      Case{{"slowdown", "what working guests lose"}, false, false, measure_slowdown},
      Case{{"scale", "4 to 256 guests: what a page costs (generated guests)"}, true, false, measure_scale},
      Case{{"latency", "a guest that answers requests while others are merged (real guest)"},
           false,
           true,
           measure_latency},
      Case{{"many", "4 to 256 guests that wait: start, memory, `stat`; beside QEMU (real guests)"},
           true,
           true,
           measure_many},
      Case{{"fork", "clones of a running guest (real guests)"}, true, true, measure_fork},
      Case{{"restore", "guests that go on from a snapshot (real guests)"}, true, true, measure_restore},
      Case{
          {"rollback", "putting a clone back to where it began (real guests)"}, true, true, measure_rollback},
      Case{{"touch", "the first touch of a page that is out (generated guests)"}, true, false, measure_touch},
      Case{{"beside", "what a working guest loses while others go out (generated guests)"},
           true,
           false,
           measure_beside},
      Case{{"ledger", "all images out: memory, disk and time, beside kernel swap and zram"},
           false,
           false,
           measure_ledger},
      Case{{"suspend", "a guest out of memory, and back to its first answer (real guests)"},
           true,
           true,
           measure_suspend},
      Case{{"crowd", "guests in a cgroup half as large as they are (real guests, root)"},
           true,
           true,
           measure_crowd},
  };
  return cases;
}

std::vector<CaseName> case_names() {
  const std::span<const Case> cases = all_cases();
  return {cases.begin(), cases.end()};
}

}  // namespace samepage::bench
