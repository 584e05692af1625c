// SPDX-License-Identifier: Apache-2.0
// Eight guests share nearly all of their memory, and write all of it at once, in a control group that has
// room for half of that, no swap and no paging file.
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/system/memory_cgroup.hpp"
#include "tests/system/paging_host.hpp"

namespace samepage::system_test {
namespace {

class BreakGuardHost : public PagingHost {
 protected:
  static constexpr std::uint64_t limit = 160U << 20, enough = 640U << 20;
  static constexpr unsigned pages = 6144;  // 24 MiB of each guest

  void SetUp() override {
    PagingHost::SetUp();
    if (IsSkipped()) return;
    cgroup_.emplace("samepage-guard-" + std::to_string(::getpid()), limit);
    if (!cgroup_->problem().empty()) GTEST_SKIP() << cgroup_->problem();
  }
  // Each stands still when it has filled its memory, which is shared before the next one comes.
  void start_merged_guests() {
    const std::string all = "common=" + std::to_string(pages), written = "rewrite=" + std::to_string(pages);
    merge_fast();
    for (std::uint64_t i = 1; i <= 8; ++i) {
      const std::string name = "g" + std::to_string(i);
      Process start({program("samepage"), "run", "--detach", "--name", name, "--mem", "32M", "fill", "--",
                     all, written, "after=5000", "verify=1", "seed=" + std::to_string(i)},
                    -1, 2, cgroup_->joining());
      ASSERT_EQ(start.wait(), 0);
      wait_for_line(name, "ready");
      ASSERT_EQ(samepage({"pause", name}).code, 0);
      wait_until(name + " is merged", [&] { return figure("pages_sharing") >= (i - 1) * pages; });
      guests_.push_back(name);
    }
  }
  void resume_all_at_once() const {
    std::deque<Process> resumes;
    for (const std::string& guest : guests_)
      resumes.emplace_back(Words{program("samepage"), "resume", guest}, -1, 2);
    for (Process& resume : resumes) EXPECT_EQ(resume.wait(), 0);
  }
  bool has_rewritten(const std::string& guest) const {
    return log_of(guest).find("rewrote " + std::to_string(pages)) != std::string::npos;
  }
  std::string state_of(const std::string& guest) const {
    for (const nlohmann::json& each : ask({"ps"})) {
      if (each.at("name") == guest) return each.at("state");
    }
    return "gone";
  }
  std::vector<std::string> standing() const {
    std::vector<std::string> all;
    std::copy_if(guests_.begin(), guests_.end(), std::back_inserter(all),
                 [&](const std::string& guest) { return state_of(guest) == "no memory"; });
    return all;
  }
  // Nothing happens any more: each has written all or stands still.
  bool is_settled() const {
    return std::all_of(guests_.begin(), guests_.end(), [&](const std::string& guest) {
      return has_rewritten(guest) || state_of(guest) == "no memory";
    });
  }

  std::optional<MemoryCgroup> cgroup_;
  std::vector<std::string> guests_;
};

TEST_F(BreakGuardHost, WithTheGuardNobodyIsKilledAndNoWriteIsLost) {
  start_merged_guests();
  wait_until("the worst case is told", [&] {
    const nlohmann::json host = host_figures();
    return host.at("worst_case_bytes") >= 8 * bytes(pages) && host.at("uncovered_bytes") > 0;
  });
  EXPECT_GE(guest_figures("g1").at("worst_case_bytes"), bytes(pages));
  EXPECT_LE(guest_figures("g1").at("available_bytes"), limit);

  resume_all_at_once();
  wait_until("some stand still, and the others have written all",
             [&] { return cgroup_->killed() > 0 || (!standing().empty() && is_settled()); });
  ASSERT_EQ(cgroup_->killed(), 0U);
  const std::vector<std::string> held = standing();
  ASSERT_FALSE(held.empty());
  EXPECT_LT(held.size(), guests_.size()) << "nobody has got on";
  const nlohmann::json shortages = guest_figures(held.front()).at("shortages");
  ASSERT_EQ(shortages.size(), 1U);
  EXPECT_EQ(shortages[0].at("resource"), "memory");
  const Finished refused = samepage({"resume", held.front()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("break-guard=off"), std::string::npos) << refused.err;

  // Room that two leave, and room that somebody makes. One that stood still may have gone on and be done,
  // too.
  for (int i = 0; i < 2; ++i) {
    const auto done = std::find_if(guests_.begin(), guests_.end(), [&](const std::string& guest) {
      return std::find(held.begin(), held.end(), guest) == held.end() && has_rewritten(guest);
    });
    ASSERT_NE(done, guests_.end());
    ASSERT_EQ(samepage({"kill", *done}).code, 0);
    guests_.erase(done);
  }
  wait_until("one that stood still has written all", [&] {
    return cgroup_->killed() > 0 || std::any_of(held.begin(), held.end(), [&](const std::string& guest) {
             return has_rewritten(guest);
           });
  });
  cgroup_->set_limit(enough);
  wait_until("all have written everything", [&] {
    return cgroup_->killed() > 0 || std::all_of(guests_.begin(), guests_.end(),
                                                [&](const auto& guest) { return has_rewritten(guest); });
  });
  for (const std::string& guest : guests_) expect_verifies(guest);
  EXPECT_EQ(standing().size(), 0U);
  EXPECT_EQ(cgroup_->killed(), 0U);
}

TEST_F(BreakGuardHost, WithoutItTheKernelKillsOne) {
  start_merged_guests();
  ASSERT_EQ(samepage({"tune", "break-guard=off"}).code, 0);
  resume_all_at_once();
  wait_until("the kernel kills a guest", [&] { return cgroup_->killed() > 0; });
}

}  // namespace
}  // namespace samepage::system_test
