// SPDX-License-Identifier: Apache-2.0
// What the opener (process/opener.hpp) does for its guest's process, and what not. Pure, and without the
// C++ library's memory and exceptions: the opener has neither.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "vmm/opener/path_text.hpp"

namespace samepage::vmm {

/// The places that a guest's process uses while its guest runs. Absolute paths; empty ones are none.
struct OpenerPolicy {
  pid_t guest = 0;
  std::string_view name;                      // of the guest
  std::string_view runtime;                   // the runtime directory
  std::string_view resolved_runtime;          // the same without symbolic links
  std::string_view log;                       // the log file
  std::array<std::string_view, 3> temporary;  // directories for files without a name
};

/// What is to be opened in place of what was asked for.
struct Opening {
  PathText path;
  int flags = 0;
  mode_t mode = 0;
  /// Of a descriptor that the guest's process has already, what it has to be.
  enum class Target : std::uint8_t {
    anything,  // it is a path
    unnamed,   // a file without a name: memory, what a disk's guest has written
    stream     // a terminal or a pipe
  };
  Target target = Target::anything;
  friend bool operator==(const Opening&, const Opening&) = default;
};

/// None: refused.
std::optional<Opening> opening_for(const OpenerPolicy& policy, std::string_view path, int flags);
bool may_make_directory(const OpenerPolicy& policy, std::string_view path);
bool may_remove(const OpenerPolicy& policy, std::string_view path);
bool may_rename(const OpenerPolicy& policy, std::string_view from, std::string_view to);

}  // namespace samepage::vmm
