// SPDX-License-Identifier: Apache-2.0
// KSM's knobs and counters, the files of /sys/kernel/mm/ksm. Code that changes knobs holds a KsmKnobGuard: a
// process of its own that sets them back when the bench ends, however it ends, kill -9 included.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/keeper.hpp"

namespace samepage::bench {

/// The folder with KSM's files; a test gives one of its own.
class Ksm {
 public:
  explicit Ksm(std::string folder = "/sys/kernel/mm/ksm") : folder_(std::move(folder)) {}

  /// Why its knobs can't be turned, and the way out; empty when they can.
  [[nodiscard]] std::string obstacle() const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// A knob's or counter's value; of a choice such as "[none] scan-time" the one that is chosen. 0 or empty
  /// when this kernel has no such file.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::uint64_t number(std::string_view name) const;
  /// Throws std::system_error; a knob that this kernel does not have is left out.
  void set(std::string_view name, std::string_view value) const;

  [[nodiscard]] std::string path_of(std::string_view name) const;

 private:
  std::string folder_;
};

/// Processes whose pages ksmd merges (QEMU asks for it by default). Its figures would include their pages.
std::vector<pid_t> processes_in_ksm();

/// Notes all knobs that the bench turns, and turns them back at the end of its life or of this process. What
/// the bench has merged is unmerged then. One at a time on a host: a second one waits.
class KsmKnobGuard {
 public:
  explicit KsmKnobGuard(const Ksm& ksm);

 private:
  std::optional<Keeper> keeper_;
};

}  // namespace samepage::bench
