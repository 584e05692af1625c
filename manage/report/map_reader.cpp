// SPDX-License-Identifier: Apache-2.0
#include "manage/report/map_reader.hpp"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "manage/guests/figures.hpp"
#include "manage/guests/guest_connection.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::report {
namespace {

using guests::number;
using nlohmann::json;

std::vector<json> those_that_share_most(const guests::Snapshot& snapshot, std::uint64_t& left_out) {
  std::vector<json> sharing;
  for (const json& guest : snapshot.guests) {
    if (number(guest, "shared_bytes") == 0) continue;
    const json lost = guest.value("orphaned_stores", json::array());
    if (lost.is_array() && lost.empty()) {
      sharing.push_back(guest);
    } else {
      ++left_out;
    }
  }
  std::stable_sort(sharing.begin(), sharing.end(), [](const json& a, const json& b) {
    return number(a, "shared_bytes") > number(b, "shared_bytes");
  });
  if (sharing.size() > most_in_matrix) {
    left_out += sharing.size() - most_in_matrix;
    sharing.resize(most_in_matrix);
  }
  return sharing;
}

}  // namespace

SharingMatrix read_sharing(const guests::Snapshot& snapshot, std::chrono::milliseconds patience) {
  std::uint64_t left_out = 0;
  const std::vector<json> chosen = those_that_share_most(snapshot, left_out);
  const vmm::GuestRegistry registry = vmm::GuestRegistry::of_this_user();
  std::vector<UniqueFd> sockets;
  std::vector<int> fds;
  for (const json& guest : chosen) {
    try {
      sockets.push_back(registry.connect(guest.at("name").get<std::string>()));
    } catch (const std::system_error& error) {
      if (!guests::does_not_take_callers(error)) throw;
      sockets.emplace_back();
    }
    fds.push_back(sockets.back().get());
  }
  std::vector<guests::Asked> asked =
      guests::ask_together(fds, {{"do", "map"}}, std::chrono::steady_clock::now() + patience);
  std::vector<GuestFrames> frames;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!asked[i].answer) continue;
    const json map = json::parse(asked[i].answer->data, nullptr, false);
    asked[i].answer.reset();
    const json domain = chosen[i].value("domain", json());
    frames.push_back({chosen[i].at("name").get<std::string>(),
                      domain.is_string() ? domain.get<std::string>() : std::string(), frame_runs(map)});
  }
  SharingMatrix matrix = sharing_matrix(std::move(frames));
  matrix.left_out += left_out;
  return matrix;
}

}  // namespace samepage::report
