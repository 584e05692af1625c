// SPDX-License-Identifier: Apache-2.0
// ksmd as an engine. At its fastest it never sleeps and a batch is a whole scan. A single scan is had by
// changing the time that it sleeps: ksmd wakes up, does one batch, and sleeps for the new time.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.hpp"
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

class KsmdEngine final : public Engine {
 public:
  explicit KsmdEngine(SmartScan smart_scan) : smart_scan_(smart_scan) {
    const auto pid = find_ksmd();
    if (!pid) throw UserError("this kernel runs no ksmd");
    pid_ = *pid;
    if (const auto others = processes_in_ksm(); !others.empty()) {
      fmt::print(stderr, "samepage-bench: ksmd works for these processes too, which costs it time: {}\n",
                 fmt::join(others, " "));
    }
    set_ksm("run", "2");  // what others had merged before would count as ours
    set_ksm("run", "0");
    set_ksm("advisor_mode", "none");
    set_ksm("merge_across_nodes", "1");
    start_cpu_ = cpu_time_of(pid_);
  }

  KsmdEngine(const KsmdEngine&) = delete;
  KsmdEngine& operator=(const KsmdEngine&) = delete;
  ~KsmdEngine() override {
    try {
      set_ksm("run", "2");
      set_ksm("run", "0");
    } catch (const std::exception& error) {
      fmt::print(stderr, "samepage-bench: {}\n", error.what());
    }
  }

  [[nodiscard]] Party party() const override { return Party::ksmd; }

  void set_pace(Pace pace) override {
    const bool standard = pace == Pace::standard;
    set_ksm("use_zero_pages", standard ? "0" : "1");
    set_ksm("smart_scan", standard || smart_scan_ == SmartScan::on ? "1" : "0");
    set_ksm("pages_to_scan", standard ? "100" : whole_scan);
    set_ksm("sleep_millisecs", standard                 ? "20"
                               : pace == Pace::stepwise ? std::to_string(long_sleep_ms)
                                                        : "0");
  }

  void merge(Holders& holders) override {
    for (Holder& holder : holders) holder.ask({{"do", "let ksmd in"}});
    set_ksm("run", "1");
  }

  void make_pass() override {
    const std::uint64_t before = full_scans();
    odd_pass_ = !odd_pass_;
    set_ksm("sleep_millisecs", std::to_string(long_sleep_ms + (odd_pass_ ? 1 : 0)));
    while (full_scans() == before) pause_for(milliseconds(1));
  }

  void rest() override { set_ksm("run", "0"); }

  [[nodiscard]] std::uint64_t pages_shared() override {
    return ksm_number("pages_sharing") + ksm_number("ksm_zero_pages");
  }
  [[nodiscard]] std::uint64_t full_scans() override { return ksm_number("full_scans"); }
  [[nodiscard]] nanoseconds cpu_time() override { return cpu_time_of(pid_) - start_cpu_; }

  // The kernel's profit is what is shared, less its items; so the items are what is shared less the profit.
  [[nodiscard]] EngineCosts costs() override {
    const auto profit = static_cast<std::int64_t>(std::stoll("0" + ksm_text("general_profit")));
    const auto shared = static_cast<std::int64_t>(PageCount{pages_shared()}.bytes());
    return {static_cast<std::uint64_t>(std::max<std::int64_t>(shared - profit, 0))};
  }

 private:
  SmartScan smart_scan_;
  pid_t pid_ = 0;
  nanoseconds start_cpu_{0};
  bool odd_pass_ = false;
};

}  // namespace

std::unique_ptr<Engine> make_ksmd_engine(SmartScan smart_scan) {
  return std::make_unique<KsmdEngine>(smart_scan);
}

}  // namespace samepage::bench
