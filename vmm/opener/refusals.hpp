// SPDX-License-Identifier: Apache-2.0
// Tells the log what a guest's process wanted and did not get: the lines of base/log, without the C++
// library. What would have to wait is lost, and so are more than a few in a second.
#pragma once

#include <cstdint>
#include <string_view>

namespace samepage::vmm {

class Refusals {
 public:
  /// `place`: the path of a file, "journal", or anything else for stderr; `name` is what the lines have.
  Refusals(std::string_view place, std::string_view name) : place_(place), name_(name) {}

  void tell(std::string_view what, std::string_view path);

 private:
  [[nodiscard]] bool too_many(std::int64_t second);

  std::string_view place_;
  std::string_view name_;
  std::int64_t second_ = 0;
  unsigned told_ = 0;
};

}  // namespace samepage::vmm
