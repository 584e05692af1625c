// SPDX-License-Identifier: Apache-2.0
#include "bench/work.hpp"

#include "base/json.hpp"
#include "bench/process_clock.hpp"

namespace samepage::bench {

Work work_of(std::span<Holder> workers) {
  Work work;
  for (Holder& worker : workers) {
    const auto reply = worker.ask({{"do", "work"}});
    work.pages += reply.at("pages").get<double>();
    work.cpu += reply.at("cpu_ns").get<double>() / 1e9;
  }
  work.at = std::chrono::steady_clock::now();
  return work;
}

WorkRate rate_between(const Work& before, const Work& after) {
  const double pages = after.pages - before.pages;
  return {pages / seconds(after.at - before.at), pages / (after.cpu - before.cpu)};
}

}  // namespace samepage::bench
