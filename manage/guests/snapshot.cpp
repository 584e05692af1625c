// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/snapshot.hpp"

#include <algorithm>
#include <map>

#include "dedup/host_figures.hpp"

namespace samepage::guests {
namespace {

using nlohmann::json;

// Stores whose daemon is lost, because guests map them; several guests tell of the same one, and some may do
// so of one whose daemon is there again.
struct LostStores {
  std::uint64_t allocated_bytes = 0;
  std::uint64_t cost_bytes =
      0;  // memory that no guest maps any more, and that stays while one page is mapped
};

LostStores lost_stores(const json& daemon_host, const std::vector<json>& guests) {
  struct Store {
    std::uint64_t allocated = 0, mapped = 0;
  };
  std::map<std::uint64_t, Store> stores;
  for (const json& guest : guests) {
    for (const json& told : guest.value("orphaned_stores", json::array())) {
      Store& store = stores[number(told, "inode")];
      store.allocated = std::max(store.allocated, number(told, "allocated_bytes"));
      store.mapped += number(told, "mapped_bytes");
    }
  }
  for (const json& live : daemon_host.value("stores", json::array())) stores.erase(number(live, "inode"));
  LostStores sum;
  for (const auto& [inode, store] : stores) {
    sum.allocated_bytes += store.allocated;
    sum.cost_bytes += store.allocated - std::min(store.allocated, store.mapped);
  }
  return sum;
}

// What forks are mapped from, which several guests tell of.
std::uint64_t backing_bytes(const std::vector<json>& guests) {
  std::map<std::uint64_t, std::uint64_t> files;
  for (const json& guest : guests) {
    for (const json& told : guest.value("backing_files", json::array())) {
      std::uint64_t& bytes = files[number(told, "inode")];
      bytes = std::max(bytes, number(told, "allocated_bytes"));
    }
  }
  std::uint64_t sum = 0;
  for (const auto& [inode, bytes] : files) sum += bytes;
  return sum;
}

}  // namespace

json host_figures(const json& daemon_host, const std::vector<json>& guests) {
  json host = json::object();
  for (const Figure& figure : dedup::host_figures()) {
    if (figure.unit == Unit::text) continue;
    if (figure.unit == Unit::structure) {
      host[std::string(figure.key)] = daemon_host.value(std::string(figure.key), json::array());
      continue;
    }
    if (figure.kind == Kind::histogram) {
      host[std::string(figure.key)] = daemon_host.value(std::string(figure.key), json::object());
      continue;
    }
    // A daemon that has run since before a change of names knows the former one.
    const bool former = !figure.former_key.empty() && !daemon_host.contains(std::string(figure.key));
    const std::uint64_t value = number(daemon_host, former ? figure.former_key : figure.key);
    host[std::string(figure.key)] = value;
    if (!figure.former_key.empty()) host[std::string(figure.former_key)] = value;
  }
  const LostStores lost = lost_stores(daemon_host, guests);
  host["overhead_bytes"] = number(daemon_host, "overhead_bytes") + lost.cost_bytes;
  host["net_saved_bytes"] = static_cast<std::int64_t>(number(daemon_host, "saved_bytes")) -
                            static_cast<std::int64_t>(number(host, "overhead_bytes"));
  std::uint64_t kernel = number(daemon_host, "daemon_pss_anon_bytes") + number(daemon_host, "store_bytes") +
                         number(daemon_host, "staging_bytes");
  for (const json& guest : guests)
    kernel += number(guest, "pss_anon_bytes") + number(guest, "swap_pss_bytes");
  kernel += lost.allocated_bytes + backing_bytes(guests);
  host["kernel_bytes"] = kernel;
  const auto tracker = daemon_host.find("tracker");
  host["tracker"] = tracker != daemon_host.end() && tracker->is_string() ? *tracker : json("none");
  return host;
}

json Snapshot::to_json() const {
  return {{"host", host}, {"guests", guests}, {"daemon", about_daemon}};
}

}  // namespace samepage::guests
