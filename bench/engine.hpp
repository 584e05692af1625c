// SPDX-License-Identifier: Apache-2.0
// An engine merges for the length of one run: Samepage (daemon and agents) or ksmd. The cases use both in the
// same way.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bench/holder.hpp"
#include "bench/report.hpp"

namespace samepage::bench {

/// How an engine's knobs are set.
enum class Pace : std::uint8_t {
  fastest,   // merge as soon as possible, at any cost
  standard,  // the defaults
  stepwise,  // one pass, then nothing until the next is asked for
};

/// What an engine's own records cost.
struct EngineCosts {
  std::optional<std::uint64_t> metadata_bytes;  // without mappings and page tables; empty: not known
};

class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual Party party() const = 0;
  virtual void set_pace(Pace pace) = 0;
  /// The guests of `holders` are merged from now on; they outlive the engine's last answer.
  virtual void merge(Holders& holders) = 0;
  /// Looks at every page once more; needs Pace::stepwise.
  virtual void make_pass() = 0;
  /// No more merging; what is merged stays merged.
  virtual void rest() = 0;

  /// Pages that need no memory of their own at this moment: pages_sharing and zero pages.
  [[nodiscard]] virtual std::uint64_t pages_shared() = 0;
  [[nodiscard]] virtual std::uint64_t full_scans() = 0;
  /// All that merging has used of the processors so far, in all processes.
  [[nodiscard]] virtual std::chrono::nanoseconds cpu_time() = 0;
  [[nodiscard]] virtual EngineCosts costs() = 0;
};

/// Knobs of samepaged from the command line. They come before those of every pace.
using Knobs = std::map<std::string, std::string>;

/// Our daemon, started for this run, with its socket in a folder of its own.
std::unique_ptr<Engine> make_samepage_engine(const Knobs& knobs);
/// ksmd with nothing merged. Changes KSM's knobs: the caller must hold a KsmKnobGuard.
enum class SmartScan : std::uint8_t { off, on };
std::unique_ptr<Engine> make_ksmd_engine(SmartScan smart_scan);

}  // namespace samepage::bench
