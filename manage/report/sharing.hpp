// SPDX-License-Identifier: Apache-2.0
// Who shares how much with whom: from the page maps of guests to a matrix. Pure, and bounded: of hundreds of
// guests it takes those that share most.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace samepage::report {

/// Frames of a domain's store that a guest maps: [first, end).
struct FrameRun {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

struct GuestFrames {
  std::string name;
  std::string domain;  // frames of different domains are different ones, whatever their numbers
  std::vector<FrameRun> runs;
};

/// As many as one bit each of a word can name; more would not fit a page either.
inline constexpr std::size_t most_in_matrix = 32;

struct SharingMatrix {
  struct Guest {
    std::string name;
    std::string domain;
  };
  std::vector<Guest> guests;
  /// Of each pair the bytes of frames that both map; of a guest with itself those that it maps at all.
  std::vector<std::vector<std::uint64_t>> bytes;
  std::uint64_t left_out = 0;  // guests that have frames and are not here

  [[nodiscard]] bool empty() const { return guests.empty(); }
};

/// The frames in the answer to "map"; a run that can't be one is left out.
[[nodiscard]] std::vector<FrameRun> frame_runs(const nlohmann::json& map);

/// Of at most most_in_matrix guests. Guests of one domain stand together.
[[nodiscard]] SharingMatrix sharing_matrix(std::vector<GuestFrames> guests);

[[nodiscard]] nlohmann::json to_json(const SharingMatrix& matrix);
/// Empty where that is not a matrix.
[[nodiscard]] SharingMatrix sharing_from_json(const nlohmann::json& body);

}  // namespace samepage::report
