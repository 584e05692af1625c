// SPDX-License-Identifier: Apache-2.0
// The first touch of a page that is out, when the file's page is still in the page cache and when it has to
// be read from the disk, beside a plain mapping of a file on the same disk. Nothing else runs meanwhile.
#include <fmt/format.h>

#include <array>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/page_outs.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "touch";
constexpr unsigned rounds_from_cache = 100;
constexpr unsigned rounds_from_disk = 50;

struct Way {
  std::string_view kind, from;
  unsigned rounds;
};
constexpr std::array ways{Way{"read", "cache", rounds_from_cache}, Way{"write", "cache", rounds_from_cache},
                          Way{"read", "disk", rounds_from_disk}, Way{"write", "disk", rounds_from_disk}};

void measure_run(Bench& bench) {
  const ImagePattern pattern = all_own(bench.options.pattern);
  const PagingFolder folder(bench.options);
  Holders holders = hold({Image(pattern, 0)});
  Holder& guest = holders.front();
  SamepageEngine engine(bench.options.knobs, folder.words());
  engine.set_pace(Pace::standard);
  engine.merge(holders);
  guest.ask({{"do", "make plain file"}, {"folder", folder.path()}});
  begin_page_out(holders);
  const std::uint64_t out = finish_page_out(holders);
  if (out < pattern.pages.value / 100 * 99)
    throw UserError(fmt::format("touch: only {} of {} pages went out", out, pattern.pages.value));
  engine.rest();
  for (const Way& way : ways) {
    const auto reply =
        guest.ask({{"do", "time touches"}, {"kind", way.kind}, {"from", way.from}, {"rounds", way.rounds}});
    const std::vector<double> times = reply.at("out_ns"), plain = reply.at("plain_ns");
    if (times.empty() || plain.empty()) {
      bench.note(name, Party::samepage, fmt::format("no {} waited for the {}", way.kind, way.from));
      continue;
    }
    const std::string what = fmt::format("{} from {}", way.kind, way.from);
    add_times(bench, name, what, times);
    add_times(bench, name, what + ", plain file", plain);
    for (const double percent : {50.0, 99.0}) {
      bench.report.add(name, fmt::format("{}, p{:.0f} : plain file", what, percent), "", Party::samepage,
                       percentile(times, percent) / percentile(plain, percent));
    }
  }
}

}  // namespace

void measure_touch(Bench& bench) {
  if (!bench.measures(Party::samepage)) return;
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) measure_run(bench);
}

}  // namespace samepage::bench
