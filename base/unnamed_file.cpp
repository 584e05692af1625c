// SPDX-License-Identifier: Apache-2.0
#include "base/unnamed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>

#include "base/check.hpp"

namespace samepage {

UniqueFd unnamed_file(const std::string& for_what) {
  const char* const chosen = std::getenv("TMPDIR");
  for (const std::string directory : {chosen == nullptr ? "" : chosen, "/var/tmp", "/tmp"}) {
    if (directory.empty()) continue;
    UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd) return fd;
  }
  throw UserError(fmt::format(
      "cannot make a temporary file for {} in /var/tmp or /tmp; set TMPDIR to a directory with room",
      for_what));
}

}  // namespace samepage
