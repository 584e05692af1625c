// SPDX-License-Identifier: Apache-2.0
// A daemon in a process of its own, which a fault may kill at any step.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/base/forked_child.hpp"

namespace samepage::dedup {

class DaemonProcess {
 public:
  /// Serves on `path` when this returns, with these paging files and faults armed.
  DaemonProcess(std::string path, const std::vector<std::string>& paging_files, const std::string& faults);

  [[nodiscard]] Child& process() { return process_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// What a command asks it. Null when it is gone.
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& question) const;

 private:
  std::string path_;
  Child process_;
};

}  // namespace samepage::dedup
