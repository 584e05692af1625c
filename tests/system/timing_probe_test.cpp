// SPDX-License-Identifier: Apache-2.0
// What a guest can find out by time about the memory of others: the guest `probe` guesses what a guest of
// `fill` has, and says how well it does (the area under the ROC curve, in ten thousandths; 5000 is chance).
// In a domain it has to find what is there, or else that it finds nothing elsewhere would mean nothing.
#include <algorithm>
#include <cmath>
#include <vector>

#include "manage/cli/console_dialogue.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class TimingProbe : public Host {
 protected:
  void start_both(const Words& of_victim, const Words& of_probe, int pages) const {
    const std::string count = std::to_string(pages);
    Words victim{"--mem", "64M"}, attacker{"--mem", "128M"};
    victim.insert(victim.end(), of_victim.begin(), of_victim.end());
    attacker.insert(attacker.end(), of_probe.begin(), of_probe.end());
    start("victim", {"fill", "common=" + count}, victim);
    start("probe", {"probe", "pages=" + count}, attacker);
    wait_for_line("victim", "ready");
    wait_for_line("probe", "ready");
    merge_fast();
  }
  // After all that can be shared is shared: `frames` at least, with so many further mappings. Pages that were
  // written again and again are looked at less often, so that a settled state may not be the last one.
  int trial(const std::string& how, int sharing = 0, int frames = 0) const {
    settle();
    wait_until("what both have is shared", [&] {
      const nlohmann::json now = host_figures();
      return now.at("pages_sharing") >= sharing && now.at("pages_shared") >= frames;
    });
    cli::ConsoleDialogue console("probe");
    console.type(how);
    const std::string start = "probe " + how + ": ";
    std::string answer;
    wait_until("the probe has tried all pages", [&] {
      answer = console.answer(start);
      return !answer.empty();
    });
    const int area = std::stoi(answer.substr(answer.find(start) + start.size()));
    // It writes all pages anew.
    wait_until("the probe is ready again", [&] { return !console.answer("ready").empty(); });
    return area;
  }
};

TEST_F(TimingProbe, InADomainAGuestFindsWhatAnotherOneHas) {
  constexpr int pages = 2000;
  start_both({}, {}, pages);
  // Alone on a host it is 9700 and more; whatever else is done there makes it less. Of 2,000 pages a side,
  // chance would have to be off by ten of its standard deviations.
  EXPECT_GT(trial("write", pages, pages), 6000);
  EXPECT_GT(trial("read", pages, pages), 6000);
}

// As many trials as it takes for a share of 0.02 to be five times what chance makes of it.
class ManyTrials : public TimingProbe {
 protected:
  static constexpr int pages = 10'000;

  void expect_chance(int most = 200, int sharing = 0, int frames = 0) const {
    for (const char* how : {"write", "read"}) {
      std::vector<int> areas{trial(how, sharing, frames)};
      // Where frames lie in the host's memory may tell the halves apart for once, when others take and free
      // much of it meanwhile. Each trial ends with new frames; what is more than chance shows in most of
      // them.
      if (std::abs(areas.front() - 5000) > most)
        areas.insert(areas.end(), {trial(how, sharing, frames), trial(how, sharing, frames)});
      std::sort(areas.begin(), areas.end());
      EXPECT_LE(std::abs(areas[areas.size() / 2] - 5000), most) << how;
    }
  }
};

struct Apart {
  const char* name;
  Words victim, probe;
};

class Chance : public ManyTrials, public testing::WithParamInterface<Apart> {};

TEST_P(Chance, IsAllThatAGuestHasElsewhere) {
  start_both(GetParam().victim, GetParam().probe, pages);
  expect_chance();
}

// What they have in common is shared all the same.
TEST_F(ManyTrials, TellNothingInAUniformDomain) {
  const Words domain{"--domain", "d,uniform"};
  start_both(domain, domain, pages);
  // The probe's own pages are frames as well, each of one guest. Where a busy host has free memory is not all
  // the same to both halves.
  expect_chance(300, pages, 2 * pages);
  EXPECT_EQ(figure("pages_unshared"), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Elsewhere, Chance,
    testing::Values(Apart{"domains", {"--domain", "a"}, {"--domain", "b"}},
                    Apart{"zero_only", {"--domain", "zero-only"}, {"--domain", "zero-only"}},
                    Apart{"none", {}, {"--domain", "none"}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace samepage::system_test
