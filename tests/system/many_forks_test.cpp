// SPDX-License-Identifier: Apache-2.0
// Forks of forks of guests that check every word they ever wrote, one after the other, while all are merged
// as fast as it goes and some are killed. SAMEPAGE_TEST_FORKS says how many: 1,000 take minutes.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>

#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class ManyForks : public Host {
 protected:
  static unsigned wanted() {
    const char* const told = std::getenv("SAMEPAGE_TEST_FORKS");
    return told == nullptr ? 30 : static_cast<unsigned>(std::strtoul(told, nullptr, 10));
  }
  void expect_sound(const std::string& guest) const {
    EXPECT_EQ(log_of(guest).find("FAILED"), std::string::npos) << guest << ": " << log_of(guest);
    EXPECT_EQ(guest_figures(guest).at("state"), "running") << guest;
  }
  void wait_for_work(const std::string& guest) const {
    const auto before = guest_figures(guest).at("breaks").get<std::uint64_t>();
    wait_until(guest + " writes", [&] {
      return HasFailure() || guest_figures(guest).at("breaks").get<std::uint64_t>() >= before + 20;
    });
  }
};

TEST_F(ManyForks, NoWriteIsLostAndNothingIsLeftBehind) {
  constexpr std::size_t most_guests = 4;
  std::mt19937 random(1);
  const auto below = [&](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  start("root", {"torture", "pages=100", "pause_us=2000", "seconds=1000000"},
        {"--mem", "16M", "--cpus", "2"});
  merge_fast();
  std::vector<std::string> guests{"root"};
  for (unsigned forks = 0; forks < wanted() && !HasFailure(); ++forks) {
    const std::string parent = guests[below(guests.size())];
    const std::string clone = "clone-" + std::to_string(forks);
    ask({"fork", parent, "--name", clone});
    guests.push_back(clone);
    wait_for_work(clone);
    if (below(3) == 0) ask({"rollback", clone});
    // One of all, parents among them, goes: as a guest that is stopped, or from one moment to the next.
    while (guests.size() > most_guests) {
      const auto victim = guests.begin() + static_cast<std::ptrdiff_t>(below(guests.size()));
      expect_sound(*victim);
      if (below(2) == 0) {
        EXPECT_EQ(samepage({"stop", *victim}).code, 0);
      } else {
        ::kill(guest_figures(*victim).at("pid").get<pid_t>(), SIGKILL);
      }
      guests.erase(victim);
    }
  }
  for (const std::string& guest : guests) {
    wait_for_work(guest);
    expect_sound(guest);
    EXPECT_EQ(samepage({"stop", guest}).code, 0);
  }
  wait_until("those that were killed are gone", [&] { return ask({"ps"}).empty(); });
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace samepage::system_test
