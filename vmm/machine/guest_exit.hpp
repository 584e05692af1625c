// SPDX-License-Identifier: Apache-2.0
// How a guest ended. A plain value.
#pragma once

#include <cstdint>
#include <string>

namespace samepage::vmm {

struct GuestExit {
  enum class Kind : std::uint8_t {
    exited,   // the guest said so; code is its own
    stopped,  // request_stop()
    failed,   // it did what no guest may do, or the host could not run it; message says what and what to do
  };
  Kind kind = Kind::exited;
  int code = 0;
  std::string message;
};

}  // namespace samepage::vmm
