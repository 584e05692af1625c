// SPDX-License-Identifier: Apache-2.0
// A listening socket that a service manager made and hands over when somebody connects to it, as
// sd_listen_fds(3) describes. The socket is the manager's: it stays when we end, and we neither lock its path
// nor make it anew.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace samepage::dedup {

struct HandedSocket {
  UniqueFd fd;
  std::string path;
  bool for_others = false;  // whether its mode lets other users connect
};

/// How many descriptors are handed over to process `own`, of what LISTEN_PID and LISTEN_FDS say (null: they
/// are not set). A process started by somebody who was handed some finds the variables too, and has none.
/// Pure.
[[nodiscard]] unsigned handed_descriptors(const char* listen_pid, const char* listen_fds, pid_t own);

/// Empty where nothing was handed over. To be called before anything else opens descriptors; what we start
/// does not find the variables. Throws UserError where it is not one local socket that listens.
[[nodiscard]] std::optional<HandedSocket> take_handed_socket();

}  // namespace samepage::dedup
