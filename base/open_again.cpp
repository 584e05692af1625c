// SPDX-License-Identifier: Apache-2.0
#include "base/open_again.hpp"

#include <fcntl.h>

#include <string>

namespace samepage {

UniqueFd open_again(int fd, int flags) {
  return UniqueFd(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC));
}

}  // namespace samepage
