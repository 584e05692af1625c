// SPDX-License-Identifier: Apache-2.0
// The whole contract between a guest's process and its opener (vmm/opener): how it is started, and what goes
// through the socket between them. Both are of one build.
#pragma once

#include <cstdint>
#include <string_view>

namespace samepage::vmm {

struct OpenerMessage {
  enum class What : std::uint64_t {
    try_to_read,  // whether `opener_sample` is at `address`; the answer is one of the next two
    can_read,
    can_not_read,
    serve,  // a descriptor comes along: who asks
    start_daemon,
  };
  What what = What::try_to_read;
  std::uint64_t address = 0;
};

inline constexpr std::string_view opener_sample = "samepage opener";
inline constexpr int opener_socket = 3;

/// Its arguments. More may follow: the program and the arguments that start a daemon.
enum OpenerArgument : std::uint8_t {
  opener_title,
  opener_guest,  // a number
  opener_name,
  opener_runtime,
  opener_resolved_runtime,
  opener_log,
  opener_temporary,  // what $TMPDIR has
  opener_log_place,
  opener_log_name,
  opener_daemon_socket,  // empty: none is started
  opener_daemon_program,
};

}  // namespace samepage::vmm
