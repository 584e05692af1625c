// SPDX-License-Identifier: Apache-2.0
// The soft limit on this process's descriptors, which is put back at the end.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include "base/check.hpp"
#include "base/unique_fd.hpp"

namespace samepage {

class DescriptorLimit {
 public:
  DescriptorLimit() { check(::getrlimit(RLIMIT_NOFILE, &before_), "getrlimit"); }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  void set(rlim_t most) const {
    const rlimit limit{most, before_.rlim_max};
    check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  }
  /// No further descriptor can be made, until raise().
  void exhaust() const {
    const UniqueFd lowest_free = checked_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC), "open");
    set(static_cast<rlim_t>(lowest_free.get()));
  }
  void raise() const { set(before_.rlim_max); }

 private:
  rlimit before_{};
};

}  // namespace samepage
