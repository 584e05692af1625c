// SPDX-License-Identifier: Apache-2.0
// The inside of an agent process: one guest's memory, filled from an image, and what the bench asks to be
// done with it. The first thread answers questions; the agent and the churn have their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "base/mapping.hpp"
#include "bench/churn.hpp"
#include "bench/first_touches.hpp"
#include "bench/gate.hpp"
#include "bench/image.hpp"
#include "dedup/agent/agent.hpp"

namespace samepage::bench {

class HeldGuest {
 public:
  explicit HeldGuest(const Image& image);

  /// {"do": NAME, ...} and the answer; the names are in the source, one function each.
  nlohmann::json answer(const nlohmann::json& request);

 private:
  nlohmann::json merge(const nlohmann::json& request);
  nlohmann::json let_ksmd_in();
  nlohmann::json write(const nlohmann::json& request);
  nlohmann::json toggle(const nlohmann::json& request);
  nlohmann::json time_breaks(const nlohmann::json& request);
  nlohmann::json begin_page_out();
  nlohmann::json page_out_progress() const;
  nlohmann::json make_plain_file(const nlohmann::json& request);
  nlohmann::json swap_out();
  nlohmann::json read_all();
  nlohmann::json holds();
  nlohmann::json work();
  nlohmann::json counters() const;
  nlohmann::json on_share(double share, std::uint64_t round, const std::function<void(std::uint64_t)>& act);
  [[nodiscard]] std::byte* page(std::uint64_t number) const;

  Image image_;
  Mapping memory_;
  Gate gate_;
  std::optional<Churn> churn_;
  std::optional<FirstTouches> touches_;
  std::unique_ptr<dedup::Agent> agent_;
};

/// Answers what comes over `socket` until its other end is closed.
void serve_bench(int socket, const Image& image);

}  // namespace samepage::bench
