// SPDX-License-Identifier: Apache-2.0
// Guests whose memory the host's kernel swaps out, because their control group is made to give it up.
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tests/base/swap_file.hpp"
#include "tests/system/memory_cgroup.hpp"
#include "tests/system/paging_host.hpp"

namespace samepage::system_test {
namespace {

class SwappingHost : public PagingHost {
 protected:
  static constexpr std::uint64_t limit = 128U << 20;  // more than they use
  static constexpr std::uint64_t little = 40U << 20;  // less

  void SetUp() override {
    PagingHost::SetUp();
    if (IsSkipped()) return;
    if (!swap_) GTEST_SKIP() << SwapFile::why_not;
    cgroup_.emplace("samepage-swap-" + std::to_string(::getpid()), limit, MemoryCgroup::Swap::preferred);
    if (!cgroup_->problem().empty()) GTEST_SKIP() << cgroup_->problem();
  }
  void start_inside(const std::string& name) const {
    Process start({program("samepage"), "run", "--detach", "--name", name, "--mem", "32M", "fill", "--",
                   "own=4500", "common=1000", "seed=" + name.substr(1), "verify=1"},
                  -1, 2, cgroup_->joining());
    ASSERT_EQ(start.wait(), 0);
    wait_for_line(name, "ready");
  }
  std::uint64_t bytes_of(const std::string& guest, const char* key) const {
    return guest_figures(guest).at(key).get<std::uint64_t>();
  }

  const SwapFile swap_{16384};
  std::optional<MemoryCgroup> cgroup_;  // goes when all guests have
};

TEST_F(SwappingHost, WhatTheKernelSwapsOutIsNoBreakAndNoWrite) {
  start_daemon_with({});
  const std::vector<std::string> guests{"g1", "g2", "g3"};
  for (const std::string& guest : guests) start_inside(guest);
  const auto in_swap = [&] {
    cgroup_->squeeze(little);
    std::uint64_t swapped = 0;
    for (const std::string& guest : guests) swapped += bytes_of(guest, "swapped_bytes");
    return swapped;
  };
  wait_until("what all have is shared, and some of the rest in the swap",
             [&] { return figure("pages_sharing") >= 1900 && in_swap() >= bytes(1000); });
  for (const std::string& guest : guests) {
    EXPECT_GE(bytes_of(guest, "private_bytes"), bytes(4500)) << guest << ": its own, wherever it is";
    EXPECT_LE(bytes_of(guest, "breaks"), 200U) << guest;
    // Pages come and go between the swap and memory while the kernel counts both.
    const auto figures = guest_figures(guest);
    const auto kernel =
        figures.at("pss_anon_bytes").get<std::uint64_t>() + figures.at("swap_pss_bytes").get<std::uint64_t>();
    EXPECT_GE(kernel, bytes(4000)) << guest;
  }
  EXPECT_GE(figure("kernel_bytes"), 3 * bytes(4000)) << "what is in the swap is not saved";

  // A copy has what was in the swap.
  ASSERT_EQ(samepage({"snapshot", "g1", file("copy")}).code, 0);
  ASSERT_EQ(samepage({"check", file("copy")}).code, 0);
  ASSERT_EQ(samepage({"restore", "--detach", "--name", "r1", file("copy")}).code, 0);
  expect_verifies("r1");
  ASSERT_EQ(samepage({"kill", "r1"}).code, 0);

  paging({"--add", file("a")});
  cgroup_->squeeze(little);
  const nlohmann::json out = ask({"suspend", "g2"});
  EXPECT_GE(out.at("bytes").get<std::uint64_t>() + out.at("swapped_bytes").get<std::uint64_t>(),
            bytes(4500) / 100 * 95);
  EXPECT_LE(pss_anon("g2"), bytes(600)) << "all of it is out, one way or the other";
  ASSERT_EQ(samepage({"resume", "g2"}).code, 0);
  std::vector<std::size_t> before;
  for (const std::string& guest : guests) before.push_back(verified(guest));
  wait_until("each has checked its pages again", [&] {
    cgroup_->squeeze(little);
    for (std::size_t i = 0; i < guests.size(); ++i) {
      if (verified(guests[i]) < before[i] + 2) return false;
    }
    return true;
  });
  EXPECT_EQ(cgroup_->killed(), 0U);
}

}  // namespace
}  // namespace samepage::system_test
