// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/ended.hpp"

#include <gtest/gtest.h>

namespace samepage::cli {
namespace {

constexpr std::int64_t now = 10'000;

vmm::GuestRecord record_of(const std::optional<vmm::GuestRecord::End>& end) {
  return {"web", "default", "fill", 4711, 1, 64U << 20, now - 100, end, ""};
}

TEST(EndedGuests, AreToldInASentence) {
  EXPECT_EQ(end_text(record_of({{now - 65, 9, "exited", ""}}), now), "has ended 1m05s ago, with exit code 9");
  EXPECT_EQ(end_text(record_of({{now - 2, 125, "failed", "a triple fault"}}), now),
            "has ended 2.0s ago, with exit code 125: a triple fault");
  EXPECT_EQ(end_text(record_of({{now + 50, 0, "exited", ""}}), now), "has ended 0.0s ago, with exit code 0")
      << "a clock that was set back";
  EXPECT_NE(end_text(record_of({}), now).find("killed"), std::string::npos);
}

TEST(EndedGuests, AreATableOfAtMost80Columns) {
  const std::string table = ended_table({record_of({{now - 65, 9, "exited", ""}}), record_of({})}, now);
  EXPECT_EQ(table,
            "NAME  ENDED      HOW     CODE  RAN  IMAGE\n"
            "web   1m05s ago  exited     9  35s  fill\n"
            "web   ?          killed   137    ?  fill\n");
  EXPECT_EQ(ended_table({}, now), "");
}

TEST(EndedGuests, HaveTheKeysOfAGuestThatRunsAndHowTheyEnded) {
  const nlohmann::json guest = end_json(record_of({{now - 65, 9, "exited", "why"}}));
  for (const char* key : {"name", "pid", "domain", "state", "cpus", "ram_bytes", "uptime_s", "image"}) {
    EXPECT_TRUE(guest.contains(key)) << key;
  }
  EXPECT_EQ(guest.at("state"), "ended");
  EXPECT_EQ(guest.at("exit_code"), 9);
  EXPECT_EQ(guest.at("ended_at"), now - 65);
  EXPECT_EQ(guest.at("reason"), "why");
  EXPECT_TRUE(end_json(record_of({})).at("ended_at").is_null()) << "nobody saw when it was killed";
}

}  // namespace
}  // namespace samepage::cli
