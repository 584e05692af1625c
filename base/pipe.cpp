// SPDX-License-Identifier: Apache-2.0
#include "base/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/check.hpp"

namespace samepage {

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace samepage
