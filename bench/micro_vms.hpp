// SPDX-License-Identifier: Apache-2.0
// QEMU's smallest machine with the same image as our guests, to stand beside them. All end with this value.
#pragma once

#include <string>
#include <vector>

#include "bench/child.hpp"

namespace samepage::bench {

class MicroVms {
 public:
  /// Why there can be none here; empty: there can.
  [[nodiscard]] static std::string obstacle();
  /// Starts `count` of `mebibytes` each, as many at a time as there are processors, and returns when each of
  /// them has said something on its console. Throws UserError when one ends before or says nothing.
  MicroVms(const std::string& image, const std::string& arguments, unsigned count, unsigned mebibytes);

  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  std::vector<Child> children_;
};

}  // namespace samepage::bench
