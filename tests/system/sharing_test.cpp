// SPDX-License-Identifier: Apache-2.0
// Real guests share real page frames: the physical page numbers that the kernel gives are the witnesses.
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

// Where the pages of a guest's RAM are in its VMM, told from one run of frames in /proc/PID/maps.
class RamView {
 public:
  RamView(pid_t pid, const nlohmann::json& map) : pid_(pid) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    std::string line;
    while (std::getline(maps, line)) {
      if (line.find("samepage-frames") == std::string::npos || line.find(" rw-p ") == std::string::npos)
        continue;
      std::uint64_t start = 0, offset = 0;
      char dash = 0;
      std::string end, rights;
      std::istringstream(line) >> std::hex >> start >> dash >> end >> rights >> offset;
      for (const auto& run : map) {
        if (run.at("state") != "frame" || run.at("frame").get<std::uint64_t>() != offset >> page_shift)
          continue;
        base_ = start - (run.at("gfn").get<std::uint64_t>() << page_shift);
        return;
      }
    }
    ADD_FAILURE() << "process " << pid << " maps no frame";
  }
  [[nodiscard]] std::uint64_t pfn(std::uint64_t gfn) const {
    return pfns_of(pid_, base_ + (gfn << page_shift), 1)[0];
  }

 private:
  pid_t pid_;
  std::uint64_t base_ = 0;
};

class Sharing : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (!IsSkipped() && ::geteuid() != 0) GTEST_SKIP() << "physical page numbers are for root alone";
  }
  RamView ram_of(const std::string& guest) const {
    return {guest_figures(guest).at("pid").get<pid_t>(), ask({"map", guest})};
  }
  // The gfns that are frames in the guest's map.
  std::set<std::uint64_t> frames_of(const std::string& guest) const {
    std::set<std::uint64_t> gfns;
    for (const auto& run : ask({"map", guest})) {
      if (run.at("state") != "frame") continue;
      for (std::uint64_t i = 0; i < run.at("pages").get<std::uint64_t>(); ++i) {
        gfns.insert(run.at("gfn").get<std::uint64_t>() + i);
      }
    }
    return gfns;
  }
};

TEST_F(Sharing, MergedPagesAreOnePageFrameAndAWriteMakesTwo) {
  // Both read all their pages again and again, so that the tables show where they are.
  start("a", {"fill", "common=200", "own=20", "seed=1", "verify=1"}, {"--mem", "16M"});
  start("b", {"fill", "common=200", "own=20", "seed=2", "verify=1", "rewrite=16", "after=4000"},
        {"--mem", "16M"});
  wait_for_line("a", "ready");
  wait_for_line("b", "ready");
  ASSERT_EQ(samepage({"pause", "b"}).code, 0);
  settle();
  ASSERT_GE(figure("pages_sharing"), 200U);
  const std::set<std::uint64_t> merged = frames_of("b");

  const RamView a = ram_of("a"), b = ram_of("b");
  std::size_t equal = 0;
  for (const std::uint64_t gfn : merged) {
    const std::uint64_t pa = a.pfn(gfn), pb = b.pfn(gfn);
    if (pa == 0 || pb == 0) continue;  // not read since it was mapped
    EXPECT_EQ(pa, pb) << std::hex << gfn;
    ++equal;
  }
  const std::uint64_t breaks_before = figure("breaks");

  ASSERT_EQ(samepage({"resume", "b"}).code, 0);
  wait_for_line("b", "rewrote 16");  // fill has checked the rest of each page it wrote
  settle();
  EXPECT_GE(figure("breaks"), breaks_before + 16);
  std::size_t broken = 0;
  const std::set<std::uint64_t> still = frames_of("b");
  for (const std::uint64_t gfn : merged) {
    if (still.contains(gfn)) continue;
    EXPECT_NE(a.pfn(gfn), b.pfn(gfn)) << std::hex << gfn;
    ++broken;
  }
  EXPECT_GE(broken, 16U);
  // Both have read everything again since and found it as it should be.
  for (const char* guest : {"a", "b"}) {
    const std::string log = log_of(guest);
    EXPECT_EQ(log.find("wrong"), std::string::npos) << log;
    EXPECT_EQ(guest_figures(guest).at("state"), "running");
  }
  wait_until("the guests have read merged pages", [&] {
    std::size_t seen = 0;
    for (const std::uint64_t gfn : still) seen += a.pfn(gfn) != 0 && a.pfn(gfn) == b.pfn(gfn) ? 1U : 0U;
    return seen + equal > 100;
  });
}

TEST_F(Sharing, TwoDomainsShareNothing) {
  start("a", {"fill", "common=100", "own=10", "seed=1"}, {"--mem", "16M", "--domain", "tenant-a"});
  start("b", {"fill", "common=100", "own=10", "seed=2"}, {"--mem", "16M", "--domain", "tenant-b"});
  for (const char* guest : {"a", "b"}) wait_for_line(guest, "ready");
  settle();
  // Each has frames of its own, those of its image; no frame is mapped twice.
  EXPECT_EQ(figure("pages_sharing"), 0U);
}

TEST_F(Sharing, AGuestOfNoDomainIsLeftAlone) {
  start("a", {"fill", "common=100", "zero=50", "seed=1"}, {"--mem", "16M"});
  start("b", {"fill", "common=100", "zero=50", "seed=2"}, {"--mem", "16M", "--domain", "none"});
  start("c", {"fill", "common=100", "zero=50", "seed=3"}, {"--mem", "16M", "--domain", "zero-only"});
  for (const char* guest : {"a", "b", "c"}) wait_for_line(guest, "ready");
  settle();
  EXPECT_EQ(guest_figures("b").at("shared_bytes"), 0);
  EXPECT_EQ(guest_figures("b").at("zero_bytes"), 0);
  EXPECT_EQ(guest_figures("c").at("shared_bytes"), 0);
  EXPECT_GE(guest_figures("c").at("zero_bytes").get<std::uint64_t>(), 50 * page_size);
}

}  // namespace
}  // namespace samepage::system_test
