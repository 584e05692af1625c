// SPDX-License-Identifier: Apache-2.0
// What every program's table of system calls begins with: calls that the C and C++ libraries make by
// themselves, in whichever thread, and those that start and end threads. Pure.
#pragma once

#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/call_rules.hpp"

namespace samepage {

/// Values that rules are about; they are pointed at.
namespace call_values {
inline constexpr std::array<std::uint64_t, 1> nothing{0};
inline constexpr std::array<std::uint64_t, 1> executable{PROT_EXEC};
inline constexpr std::array<std::uint64_t, 1> thread_flag{CLONE_THREAD};
inline constexpr std::array<std::uint64_t, 1> add_filter{SECCOMP_SET_MODE_FILTER};
inline constexpr std::array<std::uint64_t, 2> names{PR_SET_NAME, PR_SET_VMA};
}  // namespace call_values

inline constexpr ArgumentRule not_executable{ArgumentRule::Test::without, 2, call_values::executable,
                                             "not PROT_EXEC"};
inline constexpr ArgumentRule own_process{ArgumentRule::Test::own_process, 0, {}, "this process"};

/// `all` are the program's kinds of threads, `main` those that start others: the main one.
constexpr auto library_calls(ThreadKinds all, ThreadKinds main) {
  using Test = ArgumentRule::Test;
  return std::array{
      CallRule{"mprotect", all, "memory", not_executable},
      CallRule{"munmap", all, "memory"},
      CallRule{"mremap", all, "memory"},
      CallRule{"brk", all, "memory"},
      CallRule{"futex", all, "locks"},
      CallRule{"rt_sigprocmask", all, "a thread's start and end"},
      CallRule{"rt_sigreturn", all, "the end of a signal handler"},
      CallRule{"restart_syscall", all, "a wait that was interrupted"},
      CallRule{"sched_yield", all, "locks"},
      CallRule{"sched_getaffinity", all, "how many processors malloc() counts"},
      CallRule{"clock_gettime", all, "where the vDSO does not answer; processor time"},
      CallRule{"gettimeofday", all, "the same"},
      CallRule{"time", all, "the same"},
      CallRule{"getpid", all, "abort(), log lines"},
      CallRule{"gettid", all, "abort(), names of threads"},
      CallRule{"prlimit64",
               all,
               "what to say where descriptors run out",
               {Test::one_of, 2, call_values::nothing, "reads a limit"}},
      CallRule{"set_robust_list", all, "a thread's start"},
      CallRule{"rseq", all, "a thread's start and end"},
      CallRule{"prctl",
               all,
               "names of threads and of memory",
               {Test::one_of, 0, call_values::names, "PR_SET_NAME, PR_SET_VMA"}},
      CallRule{"exit", all, "a thread's end"},
      CallRule{"exit_group", all, "the end"},
      CallRule{"close", all, "whatever was open"},
      CallRule{"fstat", all, "what a descriptor is"},
      CallRule{"seccomp",
               main,
               "a thread that starts takes less for itself",
               {Test::one_of, 0, call_values::add_filter, "SECCOMP_SET_MODE_FILTER"}},
      CallRule{"clone", main, "threads", {Test::with, 0, call_values::thread_flag, "CLONE_THREAD"}},
      CallRule{"clone3", main, "the C library takes clone then", {}, CallRule::Answer::unknown},
  };
}

/// One table of two.
template <std::size_t First, std::size_t Second>
constexpr std::array<CallRule, First + Second> joined(const std::array<CallRule, First>& first,
                                                      const std::array<CallRule, Second>& second) {
  std::array<CallRule, First + Second> all{};
  std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), all.begin()));
  return all;
}

}  // namespace samepage
