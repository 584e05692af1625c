// SPDX-License-Identifier: Apache-2.0
#include "bench/page_outs.hpp"

#include "base/json.hpp"
#include "bench/interruption.hpp"
#include "bench/live_guests.hpp"

namespace samepage::bench {

using nlohmann::json;

void begin_page_out(std::span<Holder> holders) {
  for (Holder& holder : holders) holder.ask({{"do", "page out"}});
}

std::uint64_t finish_page_out(std::span<Holder> holders) {
  std::uint64_t pages = 0;
  for (Holder& holder : holders) {
    json progress = holder.ask({{"do", "page-out progress"}});
    while (progress.at("under_way").get<bool>()) {
      pause_for(std::chrono::milliseconds(5));
      progress = holder.ask({{"do", "page-out progress"}});
    }
    pages += progress.at("pages").get<std::uint64_t>();
  }
  return pages;
}

void add_times(Bench& bench, std::string_view name, const std::string& figure,
               const std::vector<double>& nanoseconds) {
  std::vector<double> microseconds;
  for (const double time : nanoseconds) microseconds.push_back(time / 1e3);
  add_percentiles(bench, name, figure, "us", microseconds);
}

}  // namespace samepage::bench
