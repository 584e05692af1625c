// SPDX-License-Identifier: Apache-2.0
// Which system calls a thread may make, as data. A program has one table for all its kinds of threads:
// vmm/process/guest_calls, dedup/daemon/daemon_calls. docs/security.md shows the same tables to people, and a
// test compares them. call_filter.hpp makes filters for the kernel of them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace samepage {

/// What a thread does. Each kind has a filter of its own.
enum class ThreadKind : std::uint8_t {
  control,  // a guest's main thread: requests, console input, snapshots
  agent,    // merges and pages out
  vcpu,     // is in the guest, or handles what it came out for
  devices,  // serves virtio devices
  merging,  // the daemon's main thread
  writer,   // writes to a paging file
  metrics,  // answers HTTP
};
inline constexpr std::size_t thread_kinds = 7;
std::string_view name_of(ThreadKind kind);

/// Several of them.
using ThreadKinds = std::uint8_t;
constexpr ThreadKinds kinds(std::initializer_list<ThreadKind> list) {
  unsigned set = 0;
  for (const ThreadKind kind : list) set |= 1U << static_cast<unsigned>(kind);
  return static_cast<ThreadKinds>(set);
}
constexpr bool contains(ThreadKinds set, ThreadKind kind) {
  return (set & kinds({kind})) != 0;
}

/// What one argument of a call has to be.
struct ArgumentRule {
  enum class Test : std::uint8_t {
    none,         // it may be anything
    one_of,       // `values`
    without,      // none of the bits of values[0]
    with,         // all of the bits of values[0]
    own_process,  // the number of this process
    sealed,       // the sealed address, and its length in the next argument; anything where there is none
  };
  Test test = Test::none;
  unsigned argument = 0;
  std::span<const std::uint64_t> values = {};
  std::string_view says = {};  // the same for people
};

struct CallRule {
  enum class Answer : std::uint8_t {
    allowed,
    asked,    // the opener does it for the thread, or refuses it (vmm/process/opener)
    unknown,  // ENOSYS, so that the C library takes an older call, whose arguments can be looked at
  };
  std::string_view call;
  ThreadKinds who = 0;
  std::string_view what_for;
  ArgumentRule when = {};
  Answer answer = Answer::allowed;
};

}  // namespace samepage
