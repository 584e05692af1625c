// SPDX-License-Identifier: Apache-2.0
// The real samepaged beside this program, for the length of one measurement, with its socket in a folder of
// its own. It ends with this value.
#pragma once

#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/temporary_directory.hpp"
#include "bench/child.hpp"

namespace samepage::bench {

class OwnDaemon {
 public:
  /// Returns when it listens. `words` are more of its command line. Throws UserError with what it says.
  explicit OwnDaemon(const std::vector<std::string>& words = {});

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  /// {"do": ...} and its answer. Throws UserError when it has ended.
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& request) const;

 private:
  TemporaryDirectory folder_;
  std::string socket_;
  Child child_;
};

}  // namespace samepage::bench
