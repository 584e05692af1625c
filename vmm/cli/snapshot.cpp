// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/snapshot.hpp"

#include <array>
#include <map>
#include <optional>

#include "base/runtime_dir.hpp"
#include "dedup/daemon_client.hpp"
#include "vmm/cli/guest_client.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

constexpr std::array passed_through{"pages_shared",   "pages_sharing", "pages_unshared", "pages_volatile",
                                    "zero_pages",     "full_scans",    "breaks",         "saved_bytes",
                                    "overhead_bytes", "stop_max_us",   "frame_dups"};

// Stores that outlive their daemon because guests map them; several guests tell of the same one.
std::uint64_t orphaned_store_bytes(const std::vector<json>& guests) {
  std::map<std::uint64_t, std::uint64_t> stores;
  for (const json& guest : guests) {
    for (const json& store : guest.value("orphaned_stores", json::array())) {
      stores[number(store, "inode")] = number(store, "allocated_bytes");
    }
  }
  std::uint64_t sum = 0;
  for (const auto& [inode, bytes] : stores) sum += bytes;
  return sum;
}

}  // namespace

std::uint64_t number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

json host_figures(const json& daemon_host, const std::vector<json>& guests) {
  json host = json::object();
  for (const char* key : passed_through) host[key] = number(daemon_host, key);
  host["net_saved_bytes"] = static_cast<std::int64_t>(number(daemon_host, "saved_bytes")) -
                            static_cast<std::int64_t>(number(daemon_host, "overhead_bytes"));
  std::uint64_t kernel = number(daemon_host, "daemon_pss_anon_bytes") + number(daemon_host, "store_bytes") +
                         number(daemon_host, "staging_bytes");
  for (const json& guest : guests) kernel += number(guest, "pss_anon_bytes");
  kernel += orphaned_store_bytes(guests);
  host["kernel_bytes"] = kernel;
  const auto tracker = daemon_host.find("tracker");
  host["tracker"] = tracker != daemon_host.end() && tracker->is_string() ? *tracker : json("none");
  return host;
}

json Snapshot::to_json() const {
  return {{"host", host}, {"guests", guests}};
}

Snapshot take_snapshot() {
  Snapshot snapshot;
  snapshot.guests = ask_all_guests({{"do", "stat"}});
  snapshot.raw_host = json::object();
  if (const std::optional<json> answer = dedup::ask_daemon(daemon_socket_path(), {{"do", "stat"}})) {
    snapshot.daemon = DaemonState::answers;
    snapshot.raw_host = answer->value("host", json::object());
    snapshot.raw_host["daemon_pid"] = number(*answer, "pid");
  }
  snapshot.host = host_figures(snapshot.raw_host, snapshot.guests);
  return snapshot;
}

}  // namespace samepage::cli
