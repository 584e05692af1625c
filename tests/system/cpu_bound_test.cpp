// SPDX-License-Identifier: Apache-2.0
// The knob `cpu` bounds all of Samepage: the daemon and the agents of all guests together.
#include <chrono>

#include "base/processors.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class CpuBound : public Host {
 protected:
  std::chrono::microseconds used() const {
    const nlohmann::json host = host_figures();
    return std::chrono::microseconds(host.at("merge_cpu_us").get<std::int64_t>() +
                                     host.at("daemon_cpu_us").get<std::int64_t>());
  }
};

TEST_F(CpuBound, ManyGuestsThatKeepWritingUseNoMoreTogetherThanTheKnobAllows) {
  using namespace std::chrono_literals;
  using Clock = std::chrono::steady_clock;
  constexpr int percent = 1, guests = 6;
  for (int i = 0; i < guests; ++i) {
    start("t" + std::to_string(i), {"torture", "pages=4000", "seconds=100000", "pause_us=100000"},
          {"--mem", "32M"});
  }
  // Passes are wanted all the time.
  ASSERT_EQ(samepage({"tune", "interval=0", "max-interval=0", "cpu=" + std::to_string(percent) + "%"}).code,
            0);
  wait_until("all guests are looked at", [&] { return figure("full_scans") > 0; });

  const auto scans = figure("full_scans");
  const auto begin = Clock::now();
  const auto before = used();
  wait_until("some time has passed", [&] { return Clock::now() >= begin + 2s; });
  const auto after = used();
  const auto share = (Clock::now() - begin + 3s) * percent / 100 * usable_processors();
  // What a guest has used without a turn, and has not told yet or not paid.
  const auto late = guests * 20ms;
  EXPECT_LE((after - before).count(),
            std::chrono::duration_cast<std::chrono::microseconds>(share + late).count());
  wait_until("every guest has had its turns", [&] { return figure("full_scans") > scans; });
  EXPECT_EQ(samepage({"tune", "cpu=100"}).code, 0);
  wait_until("nobody waits", [&] { return figure("cpu_waiting_guests") == 0; });
  for (int i = 0; i < guests; ++i) {
    const std::string log = log_of("t" + std::to_string(i));
    EXPECT_EQ(log.find("FAILED"), std::string::npos) << log;
  }
}

}  // namespace
}  // namespace samepage::system_test
