// SPDX-License-Identifier: Apache-2.0
// What was recorded of a host and its guests, thinned to as many moments as a picture can show. Counters are
// added up before anything is thinned, so nothing of them is lost. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "manage/report/sharing.hpp"

namespace samepage::report {

/// Adds up a counter that may start again from 0.
class Sum {
 public:
  enum class Start : std::uint8_t {
    at_zero,  // all of it counts
    at_first_value,
  };
  explicit Sum(Start start) {
    if (start == Start::at_zero) last_ = 0;
  }
  void add(std::uint64_t value);
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  std::optional<std::uint64_t> last_;
  std::uint64_t total_ = 0;
};

/// Bytes of a guest's memory, or of all guests'.
struct MemoryKinds {
  std::uint64_t own = 0, shared = 0, zero = 0, untouched = 0;
  [[nodiscard]] std::uint64_t ram() const { return own + shared + zero + untouched; }
  MemoryKinds& operator+=(const MemoryKinds& other);
};

/// The host at a moment. Sums count since the first sample.
struct HostMoment {
  double time = 0;         // seconds since 1970
  bool after_gap = false;  // nothing was recorded just before
  MemoryKinds memory;      // of all guests
  std::uint64_t guests = 0, silent = 0;
  std::uint64_t frames = 0, saved = 0, overhead = 0, kernel = 0;  // bytes
  std::int64_t net_saved = 0;                                     // bytes
  std::uint64_t breaks = 0;
  std::uint64_t agents_cpu_us = 0, daemon_cpu_us = 0, guests_cpu_us = 0;

  /// Memory as we count it: what guests have of their own, the frames, and what merging needs.
  [[nodiscard]] std::uint64_t counted() const { return memory.own + frames + overhead; }
};

struct GuestTrack {
  std::string name;
  std::string domain;
  std::string image;
  std::vector<std::optional<MemoryKinds>> memory;  // beside the moments of the history; shorter: gone before
  MemoryKinds last;
  std::uint64_t breaks = 0, merges = 0, holds = 0, hold_max_us = 0, cpu_us = 0;
  double seen_from = 0, seen_until = 0;
};

/// How long guests were held, how often.
struct HoldHistogram {
  std::vector<std::uint64_t> up_to_us;  // where each bucket ends; the last one has no end
  std::vector<std::uint64_t> holds;     // one more
  [[nodiscard]] bool empty() const;
};

class History {
 public:
  /// Twice as many moments are kept at most.
  explicit History(std::size_t moments = 600) : most_(2 * moments) {}

  /// A sample: what `stat --json` shows, and when. Whatever is wrong in it counts as 0.
  void add_sample(double time, const nlohmann::json& host, const nlohmann::json& guests);
  void add_sharing(double time, SharingMatrix matrix);
  /// How far apart samples are; a gap is several times that.
  void expect_interval(double seconds) { interval_ = seconds; }

  [[nodiscard]] const std::vector<HostMoment>& moments() const { return moments_; }
  [[nodiscard]] const std::map<std::string, GuestTrack>& guests() const { return guests_; }
  [[nodiscard]] const SharingMatrix& sharing() const { return sharing_; }
  [[nodiscard]] double sharing_time() const { return sharing_time_; }
  [[nodiscard]] const HoldHistogram& holds() const { return holds_; }
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] std::uint64_t hold_max_us() const { return hold_max_us_; }
  [[nodiscard]] const std::string& tracker() const { return tracker_; }
  /// Guests beyond the 1,024 that are told apart.
  [[nodiscard]] std::uint64_t not_told_apart() const { return not_told_apart_; }
  /// Whether the programs that were recorded tell what merging costs in processor time.
  [[nodiscard]] bool knows_cost() const { return knows_cost_; }

 private:
  struct GuestSums {
    Sum breaks, merges, holds, cpu;
    explicit GuestSums(Sum::Start start) : breaks(start), merges(start), holds(start), cpu(start) {}
  };

  MemoryKinds add_guest(const std::string& name, const nlohmann::json& guest, double time);
  void add_holds(const nlohmann::json& told);
  void keep(const HostMoment& moment, const std::map<std::string, MemoryKinds>& memory);
  void drop_last();
  void thin();

  std::size_t most_;
  std::uint64_t stride_ = 1;  // samples between two that are kept
  bool last_may_go_ = false;  // the last moment is only there because it is the last
  std::uint64_t samples_ = 0;
  double interval_ = 1;
  double last_time_ = 0;
  std::vector<HostMoment> moments_;
  std::map<std::string, GuestTrack> guests_;
  std::map<std::string, GuestSums> sums_;
  Sum breaks_{Sum::Start::at_first_value}, agents_cpu_{Sum::Start::at_first_value},
      daemon_cpu_{Sum::Start::at_first_value};
  HoldHistogram holds_;
  std::vector<Sum> hold_sums_;
  SharingMatrix sharing_;
  double sharing_time_ = 0;
  std::uint64_t hold_max_us_ = 0;
  std::string tracker_;
  std::uint64_t not_told_apart_ = 0;
  bool knows_cost_ = false;
};

}  // namespace samepage::report
