// SPDX-License-Identifier: Apache-2.0
#include "base/check.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace samepage {

void throw_errno(std::string_view call) {
  throw std::system_error(errno, std::generic_category(), std::string(call));
}

void invariant(bool holds, std::string_view what) noexcept {
  if (holds) return;
  std::fprintf(stderr, "samepage: broken invariant, stopping before memory is harmed: %.*s\n",
               static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace samepage
