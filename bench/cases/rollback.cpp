// SPDX-License-Identifier: Apache-2.0
// A clone that is put back to where it began: when it has written nothing since, and when it has.
#include <fmt/format.h>

#include <chrono>

#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/live_guests.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

constexpr std::string_view name = "rollback";
constexpr double aim_us = 100;       // and a page that was written:
constexpr double aim_us_a_page = 1;  // more

void measure_run(Bench& bench) {
  const LiveGuests guests(bench, name);
  guests.start_filled("parent");
  static_cast<void>(guests.run({"fork", "parent", "--name", "quiet"}));
  static_cast<void>(guests.run({"run", "--detach", "--name", "writer", "--mem", "64M", "torture", "--",
                                "pages=1000", "seconds=100000", "pause_us=2000"}));
  guests.wait_for("writer", "visits");
  static_cast<void>(guests.run({"fork", "writer", "--name", "busy"}));
  std::vector<double> quiet, busy, pages, of_aim;
  for (unsigned i = 0; i < bench.options.forks; ++i) {
    quiet.push_back(guests.ask({"rollback", "quiet"}).at("took_us").get<double>());
    const json rolled = guests.ask({"rollback", "busy"});
    busy.push_back(rolled.at("took_us").get<double>());
    pages.push_back(rolled.at("pages").get<double>());
    of_aim.push_back(busy.back() / (aim_us + aim_us_a_page * pages.back()));
  }
  add_percentiles(bench, name, "nothing written", "us", quiet);
  add_percentiles(bench, name, "pages that were written", "", pages);
  add_percentiles(bench, name, "with those", "us", busy);
  add_percentiles(bench, name, "with those : 100 us and 1 us a page", "", of_aim);
}

}  // namespace

void measure_rollback(Bench& bench) {
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) measure_run(bench);
}

}  // namespace samepage::bench
