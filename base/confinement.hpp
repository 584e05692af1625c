// SPDX-License-Identifier: Apache-2.0
// A process that gives up what it does not need: privileges, and system calls, by kind of thread. A call
// that a thread may not make ends the process with a reason: the main thread hears of it, tells it and ends.
//
// The main thread prepares it before there are others. In a process where nobody has, threads confine
// nothing: tests, commands, `--confine off`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/call_filter.hpp"
#include "base/call_rules.hpp"
#include "base/confine.hpp"
#include "base/unique_fd.hpp"

namespace samepage {

/// A call that a thread made although it may not.
struct ForbiddenCall {
  int number = 0;
  ThreadKind by = ThreadKind::control;
};
/// "the control thread made the system call execve, which it may not make: ..."
std::string text_of(const ForbiddenCall& call);

struct ConfinementPlan {
  std::span<const CallRule> rules;
  ThreadKinds kinds = 0;
  ThreadKind main = ThreadKind::control;  // one of them
  Asking asking = Asking::by_rule;
  /// Tells why the process ends; what it returns is the exit code. Called in the main thread: by who polls
  /// forbidden_call_fd(), or in the place where the main thread made such a call.
  std::function<int(const ForbiddenCall&)> end;
  /// Where the main thread does not do so, it waits for the thread that made the call. Threads of these kinds
  /// call `end` then; before that, all say a line that begins so, and end with this code.
  ThreadKinds tellers = 0;
  std::string_view last_words;
  int exit_code = 1;
};

/// Makes the filters.
void prepare_confinement(ConfinementPlan plan);
/// From now on the calling thread may do what its kind may, and the threads that it starts no more than that.
/// Throws std::system_error.
void confine_thread(ThreadKind kind);
/// The same for the main thread, where calls are asked for: the listener.
UniqueFd confine_main_thread();
/// Whether filters are in force.
bool is_confined();

/// Readable when another thread than the main one made a forbidden call; -1 in a process that is not
/// prepared.
int forbidden_call_fd();
/// Ends the process when that is so.
void end_after_forbidden_call();

/// A process that may have the lowest real-time priority still may after it has given up privileges. False
/// where the limit can't be raised, so that a capability is needed.
bool keep_real_time_limit();
/// For all threads to come: no program that is executed gets more rights, and of its own capabilities the
/// process keeps those whose numbers are bits of `kept`. It may still have the lowest real-time priority if
/// it could have one before: where the limit can't be raised, it keeps CAP_SYS_NICE for that.
void give_up_privileges(std::uint64_t kept = 0);

}  // namespace samepage
