// SPDX-License-Identifier: Apache-2.0
#include "base/open_again.hpp"

#include <fcntl.h>

#include <string>

#include "base/check.hpp"

namespace samepage {

UniqueFd open_again(int fd, int flags) {
  return UniqueFd(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC));
}

UniqueFd open_to_read(int fd, const char* what) {
  return checked_fd(open_again(fd, O_RDONLY).release(), what);
}

}  // namespace samepage
