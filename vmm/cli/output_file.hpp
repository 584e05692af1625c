// SPDX-License-Identifier: Apache-2.0
// A file that gets its name when it is complete, and is gone when it never is: a stop signal takes it back
// too.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/unique_fd.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// Written under a name of its own beside `path`. All throw UserError where the host can't.
class PendingFile {
 public:
  explicit PendingFile(std::string path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  /// Pages of zeros become holes. Throws Interrupted.
  void write(std::span<const std::byte> content);
  /// Takes the place of what was at `path`.
  void commit();

 private:
  void require(ssize_t result) const;

  vmm::StopSignals signals_;  // before there is a file that they could leave behind
  std::string path_;
  std::string pending_;  // empty: it is complete
  UniqueFd fd_;
};

}  // namespace samepage::cli
