// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_fork_report.hpp"

#include <fmt/format.h>

#include <set>

#include "base/check.hpp"
#include "base/units.hpp"
#include "manage/cli/table.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

// What stands between `before` and the next `end` of the line.
std::string part_of(const std::string& line, const std::string& before, char end) {
  const std::size_t at = line.find(before);
  if (at == std::string::npos) throw UserError(fmt::format("the guest's answer is not understood: {}", line));
  const std::size_t from = at + before.size();
  return line.substr(from, line.find(end, from) - from);
}

}  // namespace

WarmAnswer warm_answer_of(const std::string& line) {
  return {part_of(line, ": ", ',') == "warm", part_of(line, "sum ", ','), part_of(line, "generation ", '\n')};
}

std::uint64_t ForkDemoResult::pss_bytes() const {
  std::uint64_t sum = 0;
  for (const DemoClone& clone : clones) sum += clone.pss_bytes;
  return sum / clones.size();
}

std::string ForkDemoResult::problem() const {
  std::set<std::string> generations{parent.generation};
  for (const DemoClone& clone : clones) {
    if (!clone.answer.warm || clone.answer.sum != parent.sum)
      return fmt::format("clone {} does not have what its parent had", clone.name);
    if (!generations.insert(clone.answer.generation).second)
      return fmt::format("clone {} has a generation ID that another guest has", clone.name);
  }
  return warm_again ? "" : "the clone that was rolled back is not what it was";
}

std::string ForkDemoResult::times() const {
  Table table({{"TIME"}, {"", Align::right}, {""}});
  table.add_row({"  cold start until warm", fmt::format("{:.1f} ms", cold_ms)});
  table.add_row({fmt::format("  {} clones, until all run", clones.size()), fmt::format("{:.1f} ms", fork_ms),
                 fmt::format("{:.1f} ms each: 1/{:.0f} of a cold start", clone_ms(), gain())});
  table.add_row({"  parent held", fmt::format("{:.2f} ms", held_ms)});
  return table.render() + "\n";
}

std::string ForkDemoResult::table() const {
  Table table({{"GUEST"}, {"WARM"}, {"PSS", Align::right}, {"PSS-ANON", Align::right}, {"GENERATION ID"}});
  table.add_row({"warm", parent.warm ? "yes" : "no", "", "", parent.generation});
  for (const DemoClone& clone : clones) {
    table.add_row({clone.name, clone.answer.warm ? "yes" : "no", format_size(clone.pss_bytes),
                   format_size(clone.own_bytes), clone.answer.generation});
  }
  return table.render() + "\n";
}

std::string ForkDemoResult::last_lines() const {
  return fmt::format(
      "rolled back: {} pages in {:.2f} ms, and {}\n"
      "a clone costs {} (Pss); MemAvailable has lost {} for each\n"
      "{} clones in {:.1f} ms, each in 1/{:.0f} of a cold start\n",
      rollback_pages, rollback_ms, warm_again ? "warm again" : "not what it was", format_size(pss_bytes()),
      format_signed_size(available_bytes / static_cast<std::int64_t>(clones.size())), clones.size(), fork_ms,
      gain());
}

json ForkDemoResult::to_json() const {
  json list = json::array();
  for (const DemoClone& clone : clones) {
    list.push_back({{"name", clone.name},
                    {"warm", clone.answer.warm},
                    {"sum", clone.answer.sum},
                    {"generation", clone.answer.generation},
                    {"pss_bytes", clone.pss_bytes},
                    {"pss_anon_bytes", clone.own_bytes}});
  }
  return {{"cold_start_ms", cold_ms},
          {"fork_ms", fork_ms},
          {"held_ms", held_ms},
          {"generation", parent.generation},
          {"clones", std::move(list)},
          {"available_bytes", available_bytes},
          {"rollback", {{"pages", rollback_pages}, {"ms", rollback_ms}, {"warm", warm_again}}}};
}

}  // namespace samepage::cli
