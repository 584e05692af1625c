// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/kvm/kvm.hpp"

namespace samepage::vmm {
namespace {

std::string complaint(const char* device) {
  try {
    const Kvm kvm(device);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Kvm, MissingDeviceNamesTheWaysToGetIt) {
  const std::string text = complaint("/nonexistent/kvm");
  EXPECT_THAT(text, testing::HasSubstr("cannot open /nonexistent/kvm: No such file"));
  EXPECT_THAT(text, testing::HasSubstr("modprobe kvm_intel"));
  EXPECT_THAT(text, testing::HasSubstr("nested virtualization"));
}

TEST(Kvm, OtherDeviceIsNotKvm) {
  EXPECT_THAT(complaint("/dev/null"), testing::HasSubstr("cannot use /dev/null"));
}

}  // namespace
}  // namespace samepage::vmm
