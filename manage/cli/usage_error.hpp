// SPDX-License-Identifier: Apache-2.0
// What a command throws when its words make no sense together.
#pragma once

#include "base/check.hpp"

namespace samepage::cli {

/// main ends with exit_usage, as for what the parser refuses.
class UsageError : public UserError {
 public:
  using UserError::UserError;
};

}  // namespace samepage::cli
