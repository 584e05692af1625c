// SPDX-License-Identifier: Apache-2.0
// Guests that check every word they ever wrote, merged and broken as fast as it goes.
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class Torture : public Host {};

TEST_F(Torture, NoWriteIsLost) {
  const Words torture{"torture", "pages=600", "seconds=100000"};
  start("two-cpus", torture, {"--mem", "16M", "--cpus", "2"});
  start("one-cpu", torture, {"--mem", "16M"});
  merge_fast();
  wait_until("thousands of pages were merged and broken", [&] {
    for (const char* guest : {"two-cpus", "one-cpu"}) {
      const std::string log = log_of(guest);
      if (log.find("FAILED") != std::string::npos) ADD_FAILURE() << guest << ": " << log;
    }
    if (HasFailure()) return true;
    // A guest that finds a wrong word ends, and is missed here.
    const auto a = guest_figures("two-cpus"), b = guest_figures("one-cpu");
    if (HasFailure()) return true;
    const auto sum = [&](const char* key) {
      return a.at(key).get<std::uint64_t>() + b.at(key).get<std::uint64_t>();
    };
    return sum("merges") > 5000 && sum("breaks") > 5000;
  });
  for (const char* guest : {"two-cpus", "one-cpu"}) EXPECT_EQ(samepage({"stop", guest}).code, 0);
}

}  // namespace
}  // namespace samepage::system_test
