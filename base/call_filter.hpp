// SPDX-License-Identifier: Apache-2.0
// Rules about system calls as a program for the kernel (seccomp(2)). It is made before guests run; each
// thread installs its own.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/call_rules.hpp"
#include "base/unique_fd.hpp"

namespace samepage {

/// What becomes of calls whose rule says `asked`.
enum class Asking : std::uint8_t {
  by_rule,  // they wait for whoever has the listener
  allowed   // nobody could answer
};

/// Rules whose calls were looked up.
struct CallTable {
  /// Aborts at the name of a call that there is not. What `rules` are of must outlive it.
  explicit CallTable(std::span<const CallRule> rules);

  std::span<const CallRule> rules;
  std::vector<std::uint32_t> numbers;  // a rule's call has the same place
};

class CallFilter {
 public:
  CallFilter() = default;
  /// Of the rules for `kind`. Any other call raises SIGSYS in the thread that makes it. Several rules for one
  /// call: each lets some of its arguments through.
  CallFilter(const CallTable& table, ThreadKind kind, Asking asking);
  /// The same for a thread for which the filter of `main` is in force already, which may make what `kind`
  /// may: what both of them decide alike is left to that. The kernel obeys the stricter one; this one is
  /// shorter, and so installed in half the time.
  static CallFilter below(const CallTable& table, ThreadKind kind, ThreadKind main);

  [[nodiscard]] bool empty() const { return program_.empty(); }
  /// For the calling thread, and for threads that it starts, for ever. Without no_new_privs it needs
  /// CAP_SYS_ADMIN. Throws std::system_error.
  void install() const;
  /// The same. The process that gets the listener answers what is asked.
  [[nodiscard]] UniqueFd install_with_listener() const;

 private:
  [[nodiscard]] int load_program(unsigned flags) const;

  std::vector<sock_filter> program_;
};

/// The name of a system call, or "system call N".
std::string name_of_call(int number);

}  // namespace samepage
