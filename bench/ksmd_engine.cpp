// SPDX-License-Identifier: Apache-2.0
// ksmd as an engine. At its fastest it never sleeps and a batch is a whole scan. A single scan is had by
// changing the time that it sleeps: ksmd wakes up, does one batch, and sleeps for the new time.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <string>

#include "base/check.hpp"
#include "base/standard_output.hpp"
#include "bench/engine.hpp"
#include "bench/interruption.hpp"
#include "bench/ksm_knobs.hpp"
#include "bench/process_clock.hpp"

namespace samepage::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::string_view whole_scan = "1000000000";  // pages of a batch; the end of a scan ends it too
constexpr unsigned long_sleep_ms = 3'600'000;

// Whether a thread waits to be woken up: of ksmd's waits the only ones that a signal may end are those
// between two batches.
bool sleeps(pid_t thread) {
  std::ifstream file(fmt::format("/proc/{}/stat", thread));
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(") ");
  return name_end != std::string::npos && text.compare(name_end + 2, 1, "S") == 0;
}

class KsmdEngine final : public Engine {
 public:
  explicit KsmdEngine(SmartScan smart_scan) : smart_scan_(smart_scan) {
    const auto pid = find_ksmd();
    if (!pid) {
      throw UserError(
          "no ksmd is to be seen here: the kernel has none, or this is a container with process numbers of "
          "its "
          "own; take --without-ksmd to measure ours alone");
    }
    pid_ = *pid;
    if (const auto others = processes_in_ksm(); !others.empty()) {
      complain(fmt::format("samepage-bench: ksmd works for these processes too, which costs it time: {}",
                           fmt::join(others, " ")));
    }
    ksm_.set("run", "2");  // what others had merged before would count as ours
    ksm_.set("run", "0");
    ksm_.set("advisor_mode", "none");
    ksm_.set("merge_across_nodes", "1");
    start_cpu_ = cpu_time_of(pid_);
  }

  KsmdEngine(const KsmdEngine&) = delete;
  KsmdEngine& operator=(const KsmdEngine&) = delete;
  ~KsmdEngine() override {
    try {
      ksm_.set("run", "2");
      ksm_.set("run", "0");
    } catch (const std::exception& error) {
      complain(fmt::format("samepage-bench: {}", error.what()));
    }
  }

  [[nodiscard]] Party party() const override { return Party::ksmd; }

  void set_pace(Pace pace) override {
    const bool standard = pace == Pace::standard;
    // Without a counter of the zero pages that it mapped (before Linux 6.6) their merging could not be seen.
    ksm_.set("use_zero_pages", standard || !ksm_.has("ksm_zero_pages") ? "0" : "1");
    ksm_.set("smart_scan", standard || smart_scan_ == SmartScan::on ? "1" : "0");
    ksm_.set("pages_to_scan", standard ? "100" : whole_scan);
    ksm_.set("sleep_millisecs", standard                 ? "20"
                                : pace == Pace::stepwise ? std::to_string(long_sleep_ms)
                                                         : "0");
  }

  void merge(Holders& holders) override {
    for (Holder& holder : holders) {
      holders_cpu_ += nanoseconds(holder.ask({{"do", "let ksmd in"}}).at("cpu_ns").get<std::int64_t>());
    }
    ksm_.set("run", "1");
  }

  void make_pass() override {
    // Turned before it has gone to sleep, the knob would only tell it how long to sleep.
    while (!sleeps(pid_)) pause_for(milliseconds(1));
    const std::uint64_t before = full_scans();
    odd_pass_ = !odd_pass_;
    ksm_.set("sleep_millisecs", std::to_string(long_sleep_ms + (odd_pass_ ? 1 : 0)));
    while (full_scans() == before || !sleeps(pid_)) pause_for(milliseconds(1));
  }

  void rest() override { ksm_.set("run", "0"); }

  [[nodiscard]] std::uint64_t pages_shared() override {
    return ksm_.number("pages_sharing") + ksm_.number("ksm_zero_pages");
  }
  [[nodiscard]] std::uint64_t full_scans() override { return ksm_.number("full_scans"); }
  [[nodiscard]] nanoseconds cpu_time() override { return cpu_time_of(pid_) - start_cpu_ + holders_cpu_; }

  // The kernel's profit is what is shared, less its items; so the items are what is shared less the profit.
  [[nodiscard]] EngineCosts costs() override {
    if (!ksm_.has("general_profit")) return {};
    const std::int64_t profit = std::stoll(ksm_.text("general_profit"));  // may be below 0
    const auto shared = static_cast<std::int64_t>(PageCount{pages_shared()}.bytes());
    return {static_cast<std::uint64_t>(std::max<std::int64_t>(shared - profit, 0))};
  }

 private:
  Ksm ksm_;
  SmartScan smart_scan_;
  pid_t pid_ = 0;
  nanoseconds start_cpu_{0};
  nanoseconds holders_cpu_{0};  // of saying which memory is to be merged
  bool odd_pass_ = false;
};

}  // namespace

std::unique_ptr<Engine> make_ksmd_engine(SmartScan smart_scan) {
  return std::make_unique<KsmdEngine>(smart_scan);
}

}  // namespace samepage::bench
