// SPDX-License-Identifier: Apache-2.0
// How long a soak goes on and what it decides by:
//   SAMEPAGE_SOAK_SECONDS    600 unless set
//   SAMEPAGE_SOAK_SEED       what a former run has printed; its decisions come again. When each takes effect
//   is
//                            up to the host
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace samepage::soak {

class Plan {
 public:
  Plan() { std::cout << "SAMEPAGE_SOAK_SEED=" << seed_ << " for " << seconds_.count() << " s" << std::endl; }

  [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= end_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  std::uint32_t below(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  bool chance(std::uint32_t one_in) { return below(one_in) == 0; }

 private:
  static std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr || *text == '\0' ? otherwise : std::stoull(text);
  }

  const std::chrono::seconds seconds_{static_cast<std::int64_t>(number("SAMEPAGE_SOAK_SECONDS", 600))};
  const std::uint64_t seed_ = number("SAMEPAGE_SOAK_SEED", std::random_device{}());
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + seconds_;
  std::mt19937_64 random_{seed_};
};

}  // namespace samepage::soak
