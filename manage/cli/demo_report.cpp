// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_report.hpp"

#include <fmt/format.h>

#include "base/types.hpp"
#include "base/units.hpp"
#include "manage/cli/table.hpp"
#include "manage/guests/figures.hpp"

namespace samepage::cli {
namespace {

using guests::number;
using guests::Snapshot;
using nlohmann::json;

std::uint64_t sum_over(const std::vector<json>& guests, const char* key) {
  std::uint64_t sum = 0;
  for (const json& guest : guests) sum += number(guest, key);
  return sum;
}

std::int64_t net_saved(const Snapshot& snapshot) {
  return snapshot.host.value("net_saved_bytes", std::int64_t{0});
}

double percent(double part, double whole) {
  return whole == 0 ? 0 : 100 * part / whole;
}

}  // namespace

std::string memory_report(const std::string& title, const guests::Snapshot& snapshot) {
  const json& host = snapshot.host;
  const json& raw = snapshot.raw_host;
  const std::uint64_t own = sum_over(snapshot.guests, "private_bytes");
  const std::uint64_t frames = PageCount{number(host, "pages_shared")}.bytes();
  const std::uint64_t overhead = number(host, "overhead_bytes");
  const std::uint64_t daemon = number(raw, "daemon_pss_anon_bytes") + number(raw, "staging_bytes");
  Table table({{title}, {"OUR COUNT", Align::right}, {"THE KERNEL'S", Align::right}, {""}});
  table.add_row({"  guests' own pages", format_size(own),
                 format_size(sum_over(snapshot.guests, "pss_anon_bytes")),
                 "Pss_Anon of the VMMs, their own needs too"});
  table.add_row({"  shared frames", format_size(frames), format_size(number(raw, "store_bytes")),
                 "blocks of the frame stores"});
  table.add_row({"  cost of merging", format_size(overhead), format_size(daemon),
                 "Pss_Anon of the daemon, staging; we count VMAs and agents too"});
  table.add_row(
      {"  together", format_size(own + frames + overhead), format_size(number(host, "kernel_bytes"))});
  table.add_row({"  saved", format_size(number(host, "saved_bytes")), "",
                 fmt::format("{} shared, {} zero pages; {} breaks", number(host, "pages_sharing"),
                             number(host, "zero_pages"), number(host, "breaks"))});
  table.add_row({"  net saved", format_signed_size(net_saved(snapshot))});
  return table.render() + "\n";
}

double DemoResult::found_percent() const {
  if (duplicates.all() == 0) return 100;
  const std::uint64_t found = number(merged.host, "pages_sharing") + number(merged.host, "zero_pages");
  return percent(static_cast<double>(found), static_cast<double>(duplicates.all()));
}

std::string DemoResult::last_line() const {
  constexpr double mib = 1024 * 1024;
  const auto net = static_cast<double>(net_saved(merged));
  const auto ram = static_cast<double>(ram_bytes);
  return fmt::format(
      "net saved: {:.1f} MiB of {:.1f} MiB ({:.1f} %), duplicates found: {:.1f} % of all there are\n",
      net / mib, ram / mib, percent(net, ram), found_percent());
}

json DemoResult::to_json() const {
  return {{"ram_bytes", ram_bytes},
          {"net_saved_bytes", net_saved(merged)},
          {"duplicates_found_percent", found_percent()},
          {"kernel_before_bytes", number(before.host, "kernel_bytes")},
          {"kernel_after_bytes", number(merged.host, "kernel_bytes")},
          {"guests", merged.guests}};
}

}  // namespace samepage::cli
