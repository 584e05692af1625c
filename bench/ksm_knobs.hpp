// SPDX-License-Identifier: Apache-2.0
// KSM's knobs and counters, the files of /sys/kernel/mm/ksm. Whoever turns knobs keeps a KsmKnobGuard: a
// process of its own that turns them back when the bench ends, by whatever way it ends, kill -9 included.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace samepage::bench {

/// True when this host has KSM and we may turn its knobs.
bool may_tune_ksm();

/// A knob's or counter's value; of a choice such as "[none] scan-time" the one that is chosen. 0 or empty
/// when this kernel has no such file.
std::string ksm_text(std::string_view name);
std::uint64_t ksm_number(std::string_view name);
/// Throws std::system_error; a knob that this kernel does not have is left out.
void set_ksm(std::string_view name, std::string_view value);

/// Processes that ksmd merges pages of (QEMU asks for it by default): its figures would hold their work too.
std::vector<pid_t> processes_in_ksm();

/// Notes all knobs that the bench turns, and turns them back at the end of its life or of this process.
class KsmKnobGuard {
 public:
  KsmKnobGuard();
  ~KsmKnobGuard();
  KsmKnobGuard(const KsmKnobGuard&) = delete;
  KsmKnobGuard& operator=(const KsmKnobGuard&) = delete;

 private:
  pid_t keeper_ = 0;
  int tell_ = -1;  // the keeper's pipe
};

}  // namespace samepage::bench
