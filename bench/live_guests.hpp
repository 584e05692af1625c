// SPDX-License-Identifier: Apache-2.0
// Real guests, for the cases that need some: the built `samepage`, run as a person runs it, in a runtime
// directory of its own. Needs /dev/kvm. All guests end with this value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/temporary_directory.hpp"
#include "bench/bench.hpp"

namespace samepage::bench {

using Words = std::vector<std::string>;

class LiveGuests {
 public:
  /// Why there can be no guests here, for people; empty: there can.
  [[nodiscard]] static std::string obstacle();
  /// The path of an image that was built with the bench.
  [[nodiscard]] static std::string image(const std::string& name);
  /// Throws UserError where there is no KVM, and where nothing of ours is to be measured: `what` is the case.
  explicit LiveGuests(const Bench& bench, std::string_view what);
  ~LiveGuests();
  LiveGuests(const LiveGuests&) = delete;
  LiveGuests& operator=(const LiveGuests&) = delete;

  /// What `samepage` prints with these words. Throws UserError when it fails.
  [[nodiscard]] std::string run(const Words& words) const;
  /// The same with --json.
  [[nodiscard]] nlohmann::json ask(Words words) const;
  /// One figure of a guest.
  [[nodiscard]] std::uint64_t figure(const std::string& guest, const std::string& key) const;
  void kill(const Words& guests) const;

  /// A guest that has written `--pages` pages that no other guest has, four times as much RAM as that, and
  /// does nothing more.
  void start_filled(const std::string& name) const;
  /// The guest `serve` with half as many.
  void start_serving(const std::string& name) const;
  [[nodiscard]] std::uint64_t serving_pages() const { return pages_ / 2; }
  /// Returns when the guest has printed `text`.
  void wait_for(const std::string& guest, const std::string& text) const;
  /// Throws UserError after a minute.
  static void wait_until(const std::function<bool()>& condition);

  [[nodiscard]] std::string file(const std::string& name) const { return directory_.path() + "/" + name; }

 private:
  TemporaryDirectory directory_;
  std::string program_;
  std::uint64_t pages_;
};

/// "name" of each.
[[nodiscard]] Words names_of(const nlohmann::json& guests);
/// The sum of the kernel's Pss of their processes.
[[nodiscard]] std::uint64_t pss_of(const nlohmann::json& guests);

/// Starts `--clones` guests with one command, which is `words` without their number, and adds how many that
/// are a second and what memory one of them takes; `what` is a word for one. They are ended.
void add_many(Bench& bench, const LiveGuests& guests, std::string_view name, std::string_view what,
              Words words);

/// Values of one figure within a run: their median and their 99th percentile are rows.
void add_percentiles(Bench& bench, std::string_view name, const std::string& figure, std::string_view unit,
                     const std::vector<double>& values);

}  // namespace samepage::bench
