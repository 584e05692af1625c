// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/line_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {
namespace {

TEST(LineWatch, EndsALineThatTheGuestHasLeftOpenInTheSamePlace) {
  const TemporaryDirectory directory;
  const auto open = [&](const char* name) {
    return checked_fd(::open((directory.path() + name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
                      "open");
  };
  const UniqueFd output = open("/one"), same = open("/one"), other = open("/two");
  LineWatch watch;
  EXPECT_EQ(watch.gap(output.get(), same.get()), "") << "nothing was printed";
  watch.saw("login: ");
  EXPECT_EQ(watch.gap(output.get(), same.get()), "\n");
  EXPECT_EQ(watch.gap(output.get(), other.get()), "");
  EXPECT_EQ(watch.gap(-1, same.get()), "");
  watch.saw("");
  EXPECT_EQ(watch.gap(output.get(), same.get()), "\n");
  watch.saw("bye\n");
  EXPECT_EQ(watch.gap(output.get(), same.get()), "");
}

}  // namespace
}  // namespace samepage::vmm
