// SPDX-License-Identifier: Apache-2.0
// For targets that use what tests use: a failure of an EXPECT ends the process, so that a fuzzer sees it.
#pragma once

#include <gtest/gtest.h>

namespace samepage::test {

inline const bool failures_end_the_process = [] {
  testing::GTEST_FLAG(break_on_failure) = true;
  return true;
}();

}  // namespace samepage::test
