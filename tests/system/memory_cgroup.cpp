// SPDX-License-Identifier: Apache-2.0
#include "tests/system/memory_cgroup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/check.hpp"

namespace samepage::system_test {

MemoryCgroup::MemoryCgroup(const std::string& name, std::uint64_t limit, Swap swap) {
  try {
    cgroup_.emplace(name, limit, swap);
  } catch (const UserError& error) {
    problem_ = error.what();
  }
}

Surroundings MemoryCgroup::joining() const {
  return [members = cgroup_.value().members()] {
    const int fd = ::open(members.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, "0", 1) != 1) ::_exit(126);
  };
}

}  // namespace samepage::system_test
