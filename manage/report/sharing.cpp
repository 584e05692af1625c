// SPDX-License-Identifier: Apache-2.0
#include "manage/report/sharing.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/types.hpp"
#include "manage/guests/figures.hpp"

namespace samepage::report {
namespace {

using guests::number;
using nlohmann::json;

// No store has more: a frame's number is 32 bits wide.
constexpr std::uint64_t most_frames = std::uint64_t{1} << 32;

// A guest may map a frame with several of its pages: that counts once.
std::vector<FrameRun> without_overlap(std::vector<FrameRun> runs) {
  std::sort(runs.begin(), runs.end(), [](const FrameRun& a, const FrameRun& b) { return a.first < b.first; });
  std::vector<FrameRun> joined;
  for (const FrameRun& run : runs) {
    if (!joined.empty() && run.first <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, run.end);
    } else {
      joined.push_back(run);
    }
  }
  return joined;
}

// How many frames of one domain each set of guests maps together; guests are bits.
using SetSizes = std::unordered_map<std::uint64_t, std::uint64_t>;

struct Border {
  std::uint64_t frame = 0;
  std::uint64_t guest = 0;  // a bit: begins to map, or ends
};

SetSizes set_sizes(std::vector<Border> borders) {
  std::sort(borders.begin(), borders.end(),
            [](const Border& a, const Border& b) { return a.frame < b.frame; });
  SetSizes sizes;
  std::uint64_t mapping = 0;
  std::uint64_t since = 0;
  for (const Border& border : borders) {
    if (mapping != 0 && border.frame > since) sizes[mapping] += border.frame - since;
    mapping ^= border.guest;
    since = border.frame;
  }
  return sizes;
}

void add_to_matrix(const SetSizes& sizes, SharingMatrix& matrix) {
  const std::size_t count = matrix.guests.size();
  for (const auto& [set, frames] : sizes) {
    for (std::size_t i = 0; i < count; ++i) {
      if (((set >> i) & 1) == 0) continue;
      for (std::size_t j = 0; j < count; ++j) {
        if (((set >> j) & 1) != 0) matrix.bytes[i][j] += PageCount{frames}.bytes();
      }
    }
  }
}

std::uint64_t frames_of(const GuestFrames& guest) {
  std::uint64_t frames = 0;
  for (const FrameRun& run : guest.runs) frames += run.end - run.first;
  return frames;
}

}  // namespace

std::vector<FrameRun> frame_runs(const json& map) {
  std::vector<FrameRun> runs;
  if (!map.is_array()) return runs;
  for (const json& run : map) {
    if (!run.is_object() || run.value("state", json()) != "frame") continue;
    const std::uint64_t first = number(run, "frame");
    const std::uint64_t pages = number(run, "pages");
    if (pages == 0 || first >= most_frames || pages > most_frames - first) continue;
    runs.push_back({first, first + pages});
  }
  return runs;
}

SharingMatrix sharing_matrix(std::vector<GuestFrames> guests) {
  static_assert(most_in_matrix <= 64);
  std::erase_if(guests, [](const GuestFrames& guest) { return guest.runs.empty(); });
  for (GuestFrames& guest : guests) guest.runs = without_overlap(std::move(guest.runs));
  std::stable_sort(guests.begin(), guests.end(),
                   [](const GuestFrames& a, const GuestFrames& b) { return frames_of(a) > frames_of(b); });
  SharingMatrix matrix;
  if (guests.size() > most_in_matrix) {
    matrix.left_out = guests.size() - most_in_matrix;
    guests.resize(most_in_matrix);
  }
  std::sort(guests.begin(), guests.end(), [](const GuestFrames& a, const GuestFrames& b) {
    return std::tie(a.domain, a.name) < std::tie(b.domain, b.name);
  });
  std::map<std::string, std::vector<Border>> borders;
  for (std::size_t i = 0; i < guests.size(); ++i) {
    matrix.guests.push_back({guests[i].name, guests[i].domain});
    for (const FrameRun& run : guests[i].runs) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      borders[guests[i].domain].push_back({run.first, bit});
      borders[guests[i].domain].push_back({run.end, bit});
    }
  }
  matrix.bytes.assign(guests.size(), std::vector<std::uint64_t>(guests.size(), 0));
  for (auto& [domain, of_domain] : borders) add_to_matrix(set_sizes(std::move(of_domain)), matrix);
  return matrix;
}

json to_json(const SharingMatrix& matrix) {
  json guests = json::array();
  for (const SharingMatrix::Guest& guest : matrix.guests) {
    guests.push_back({{"name", guest.name}, {"domain", guest.domain}});
  }
  return {{"guests", std::move(guests)}, {"bytes", matrix.bytes}, {"left_out", matrix.left_out}};
}

SharingMatrix sharing_from_json(const json& body) {
  try {
    SharingMatrix matrix;
    for (const json& guest : body.at("guests")) {
      matrix.guests.push_back({guest.at("name").get<std::string>(), guest.at("domain").get<std::string>()});
    }
    matrix.bytes = body.at("bytes").get<std::vector<std::vector<std::uint64_t>>>();
    matrix.left_out = number(body, "left_out");
    const std::size_t count = matrix.guests.size();
    const bool square =
        matrix.bytes.size() == count &&
        std::all_of(matrix.bytes.begin(), matrix.bytes.end(),
                    [&](const std::vector<std::uint64_t>& row) { return row.size() == count; });
    return square && count <= most_in_matrix ? matrix : SharingMatrix{};
  } catch (const json::exception&) {
    return {};
  }
}

}  // namespace samepage::report
