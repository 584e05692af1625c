// SPDX-License-Identifier: Apache-2.0
#include "manage/top/screen.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace samepage::top {
namespace {

using nlohmann::json;

constexpr std::uint64_t mib = 1 << 20;

guests::Snapshot sample(unsigned count) {
  guests::Snapshot snapshot;
  snapshot.daemon = guests::DaemonState::answers;
  snapshot.host = {
      {"net_saved_bytes", 1023 * mib}, {"saved_bytes", 1023 * mib}, {"overhead_bytes", 1023 * mib},
      {"kernel_bytes", 1023 * mib},    {"breaks", 12'345'678},      {"hold_max_us", 12'345},
      {"pages_shared", 1'234'567},     {"pages_sharing", 5},        {"tracker", "write-protection"}};
  for (unsigned i = 0; i < count; ++i) {
    snapshot.guests.push_back({{"name", "guest-with-a-long-name-" + std::to_string(i)},
                               {"state", "running"},
                               {"domain", "default"},
                               {"ram_bytes", 1023 * mib},
                               {"private_bytes", 1023 * mib},
                               {"shared_bytes", 1023 * mib},
                               {"zero_bytes", 1023 * mib},
                               {"untouched_bytes", 1023 * mib},
                               {"hold_max_us", 9'999},
                               {"breaks", i}});
  }
  return snapshot;
}

struct Shown {
  Scene scene;
  View view{Arrangement{}, std::chrono::milliseconds(1'000)};
  explicit Shown(unsigned count) : Shown(sample(count)) {}
  explicit Shown(const guests::Snapshot& snapshot) {
    view.update(RowMaker().rows(snapshot, 1));
    scene.update(snapshot, 1, "12:34:56");
  }
  [[nodiscard]] std::vector<std::string> lines(const Size& size) {
    view.fit(rows_that_fit(size));
    std::vector<std::string> result;
    for (const Line& line : screen(scene, view, size, Glyphs::blocks)) {
      std::string text;
      for (const Span& span : line) text += span.text;
      result.push_back(text);
    }
    return result;
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Screen, IsThereBeforeTheFirstSample) {
  const View view(Arrangement{}, std::chrono::milliseconds(1'000));
  EXPECT_EQ(screen(Scene{}, view, {80, 24}, Glyphs::ascii).size(), 24U);
}

TEST(Screen, FitsTerminalsOfAllSizes) {
  Shown shown(50);
  for (const Size size :
       {Size{80, 24}, Size{200, 60}, Size{79, 13}, Size{40, 10}, Size{12, 5}, Size{1, 1}, Size{0, 0}}) {
    const std::vector<std::string> lines = shown.lines(size);
    EXPECT_EQ(lines.size(), size.rows);
    for (const std::string& line : lines) EXPECT_LE(width_of(line), size.columns) << line;
  }
}

TEST(Screen, EightyColumnsHaveAllThatMatters) {
  Shown shown(50);
  const std::vector<std::string> lines = shown.lines({80, 24});
  const std::string& head = lines[6];
  for (const char* heading :
       {"NAME", "SAVED", "PRIVATE", "SHARED", "ZERO", "UNTOUCHED", "BREAKS/S", "LONGEST HOLD"}) {
    EXPECT_TRUE(contains(head, heading)) << head;
  }
  EXPECT_FALSE(contains(head, "DOMAIN"));
  EXPECT_TRUE(contains(lines[1], "net saved 1023.0 MiB  saved 1023.0 MiB  overhead 1023.0 MiB")) << lines[1];
  EXPECT_TRUE(contains(lines[2], "untouched 50.0G")) << lines[2];
  EXPECT_TRUE(contains(lines[7], "guest-with-a")) << lines[7];
  EXPECT_TRUE(lines[7].ends_with("9999us")) << lines[7];
  EXPECT_TRUE(contains(lines[23], "q quit"));
}

TEST(Screen, AWideTerminalShowsMoreColumnsAndWholeNames) {
  Shown shown(3);
  const std::vector<std::string> lines = shown.lines({160, 24});
  EXPECT_TRUE(contains(lines[6], "DOMAIN"));
  EXPECT_TRUE(contains(lines[7], "guest-with-a-long-name-0"));
}

TEST(Screen, AGuestOrADaemonThatDoesNotAnswerIsSeen) {
  guests::Snapshot snapshot = sample(1);
  snapshot.guests.push_back({{"name", "hung"}, {"state", "not answering"}});
  snapshot.daemon = guests::DaemonState::hangs;
  Shown shown(snapshot);
  const std::vector<std::string> lines = shown.lines({80, 24});
  EXPECT_TRUE(contains(lines[0], "2 guests, 1 not answering")) << lines[0];
  EXPECT_TRUE(contains(lines[8], "hung")) << lines[8];
  EXPECT_TRUE(contains(lines[8], "not answering")) << lines[8];
  EXPECT_TRUE(contains(lines[3], "the daemon does not answer")) << lines[3];
}

TEST(Screen, NothingThatATerminalWouldObeyGetsThere) {
  guests::Snapshot snapshot = sample(1);
  snapshot.guests[0]["domain"] = "\x1b]0;evil\x07";
  snapshot.guests[0]["state"] = "\x1b[31m";
  Shown shown(snapshot);
  shown.view.press('d');
  for (const std::string& line : shown.lines({160, 24})) {
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
    EXPECT_EQ(line.find('\x07'), std::string::npos) << line;
  }
}

TEST(Screen, MessagesFilterAndHelpHaveTheirPlace) {
  Shown shown(2);
  shown.view.press('x');
  EXPECT_TRUE(contains(shown.lines({80, 24})[23], "y/n"));
  shown.view.press('n');
  shown.view.press('/');
  shown.view.press('z');
  EXPECT_TRUE(contains(shown.lines({80, 24})[23], "filter: z_"));
  EXPECT_TRUE(contains(shown.lines({80, 24})[0], "2 guests (0 shown)"));
  shown.view.press(keys::escape);
  shown.view.press('h');
  const std::vector<std::string> help = shown.lines({80, 24});
  EXPECT_TRUE(contains(help[13], "pause the chosen guest")) << help[13];
}

TEST(Page, HasAllGuestsInEightyColumnsAndNoKeys) {
  Shown shown(50);
  const std::string text = page(shown.scene, shown.view);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 50 + 7);
  EXPECT_FALSE(contains(text, "q quit"));
}

TEST(Scene, BreaksASecondAreOfOneDaemonsLife) {
  Scene scene;
  guests::Snapshot first = sample(0);
  first.raw_host = {{"breaks", 100}, {"daemon_pid", 5}};
  scene.update(first, 1, "");
  EXPECT_EQ(scene.breaks_per_second, 0);
  first.raw_host["breaks"] = 300;
  scene.update(first, 3, "");
  EXPECT_EQ(scene.breaks_per_second, 100);
  first.raw_host["breaks"] = 1;
  scene.update(first, 4, "");
  EXPECT_EQ(scene.breaks_per_second, 0);
  EXPECT_EQ(scene.net_saved.values().size(), 3U);
}

}  // namespace
}  // namespace samepage::top
