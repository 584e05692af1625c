// SPDX-License-Identifier: Apache-2.0
// The least that merging can cost on this host, whoever does it: each page has to be read, what equals
// another has to be given back, and what stays needs a mapping for each run. One thread does just that, with
// the answers known before; the processor time of it stands beside what an engine takes.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "bench/image.hpp"
#include "bench/memory_set.hpp"

namespace samepage::bench {

struct Floor {
  std::chrono::nanoseconds read{};       // all pages, once
  std::chrono::nanoseconds give_back{};  // zero and shared pages: a call for each run
  std::chrono::nanoseconds map{};        // a mapping for each run of shared pages

  [[nodiscard]] std::chrono::nanoseconds total() const { return read + give_back + map; }
};

/// Reads the images; takes the memory of one at a time. Throws UserError when one can't be read.
MemorySet memory_set_of(const std::vector<Image>& images);
/// `set` is that of `images`. Takes the memory of one guest at a time. Throws std::system_error.
Floor measure_floor(const std::vector<Image>& images, const MemorySet& set);

/// Of several measurements each part's median. Must not be empty.
Floor median_of(std::span<const Floor> floors);
std::string text_of(const Floor& floor);
/// In seconds.
nlohmann::json json_of(const Floor& floor);

}  // namespace samepage::bench
