// SPDX-License-Identifier: Apache-2.0
#include "manage/top/view.hpp"

#include <gtest/gtest.h>

#include "manage/top/sparkline.hpp"

namespace samepage::top {
namespace {

std::vector<Row> guests_named(const std::vector<std::string>& names) {
  guests::Snapshot snapshot;
  snapshot.host = nlohmann::json::object();
  for (const std::string& name : names) {
    snapshot.guests.push_back(
        {{"name", name}, {"state", name == "held" ? "paused" : "running"}, {"ram_bytes", 1}});
  }
  return RowMaker().rows(snapshot, 1);
}

class ViewTest : public testing::Test {
 protected:
  void SetUp() override { view_.update(guests_named({"a", "b", "c", "d", "e"})); }

  static Arrangement by_name() {
    Arrangement arrangement;
    arrangement.sort = column("name");
    arrangement.order = Order::ascending;
    return arrangement;
  }
  [[nodiscard]] std::string selected() const { return view_.shown().at(view_.selected()).name; }
  void type(std::string_view text) {
    for (const char letter : text) view_.press(letter);
  }

  View view_{by_name(), std::chrono::milliseconds(1000)};
};

TEST_F(ViewTest, TheSelectedRowStaysOnTheScreen) {
  view_.fit(2);
  view_.press(keys::end);
  EXPECT_EQ(selected(), "e");
  EXPECT_EQ(view_.first(), 3U);
  view_.press(keys::page_up);
  EXPECT_EQ(selected(), "c");
  EXPECT_EQ(view_.first(), 2U);
  view_.press(keys::home);
  view_.press(keys::up);
  EXPECT_EQ(selected(), "a");
  EXPECT_EQ(view_.first(), 0U);
}

TEST_F(ViewTest, TheSelectionFollowsItsGuest) {
  view_.press(keys::down);
  view_.press(keys::down);
  EXPECT_EQ(selected(), "c");
  view_.update(guests_named({"aa", "a", "c", "z"}));
  EXPECT_EQ(selected(), "c");
  view_.press('r');
  EXPECT_EQ(selected(), "c");
  EXPECT_EQ(view_.selected(), 1U);
  view_.update(guests_named({"a"}));
  EXPECT_EQ(selected(), "a");
  view_.update({});
  EXPECT_TRUE(view_.shown().empty());
  EXPECT_EQ(view_.press('p').kind, Effect::Kind::none);
  EXPECT_EQ(view_.press('x').kind, Effect::Kind::none);
}

TEST_F(ViewTest, AFilterIsTypedKeptOrGivenUp) {
  type("/c");
  EXPECT_EQ(view_.mode(), Mode::filter);
  EXPECT_EQ(view_.shown().size(), 1U);
  EXPECT_EQ(view_.press('q').kind, Effect::Kind::none) << "it is a letter of the filter";
  EXPECT_TRUE(view_.shown().empty());
  view_.press(keys::backspace);
  view_.press(keys::enter);
  EXPECT_EQ(view_.mode(), Mode::list);
  EXPECT_EQ(view_.arrangement().filter, "c");
  type("/x");
  view_.press(keys::escape);
  EXPECT_EQ(view_.arrangement().filter, "c");
  view_.press(keys::escape);
  EXPECT_EQ(view_.shown().size(), 5U);
}

TEST_F(ViewTest, PausesAndLetsGoOn) {
  Effect effect = view_.press('p');
  EXPECT_EQ(effect.kind, Effect::Kind::tell);
  EXPECT_EQ(effect.guest, "a");
  EXPECT_EQ(effect.verb, "pause");
  view_.update(guests_named({"held"}));
  effect = view_.press('p');
  EXPECT_EQ(effect.guest, "held");
  EXPECT_EQ(effect.verb, "resume");
}

TEST_F(ViewTest, StopsOnlyWhatItHasAskedAbout) {
  EXPECT_EQ(view_.press('x').kind, Effect::Kind::none);
  EXPECT_EQ(view_.mode(), Mode::confirm_stop);
  EXPECT_NE(view_.message().find("guest a"), std::string::npos);
  view_.update(guests_named({"b"}));  // the list changes while the person thinks
  const Effect effect = view_.press('y');
  EXPECT_EQ(effect.guest, "a");
  EXPECT_EQ(effect.verb, "stop");
  view_.press('x');
  EXPECT_EQ(view_.press('n').kind, Effect::Kind::none);
  EXPECT_EQ(view_.press('y').kind, Effect::Kind::none);
}

TEST_F(ViewTest, SortsByTheNextColumnFromItsNaturalEnd) {
  view_.press('s');
  EXPECT_EQ(view_.arrangement().sort, column("name") + 1);
  view_.press('S');
  view_.press('<');
  EXPECT_EQ(view_.arrangement().sort, columns().size() - 1);
  EXPECT_EQ(natural_order(column("name")), Order::ascending);
  EXPECT_EQ(natural_order(column("saved_bytes")), Order::descending);
}

TEST_F(ViewTest, TheIntervalHasAnEndInBothDirections) {
  for (int i = 0; i < 20; ++i) view_.press('+');
  EXPECT_EQ(view_.interval(), std::chrono::milliseconds(60'000));
  for (int i = 0; i < 20; ++i) view_.press('-');
  EXPECT_EQ(view_.interval(), std::chrono::milliseconds(250));
}

TEST_F(ViewTest, QuitsAndHelps) {
  view_.press('?');
  EXPECT_EQ(view_.mode(), Mode::help);
  EXPECT_EQ(view_.press('q').kind, Effect::Kind::none) << "any key leaves the help";
  EXPECT_EQ(view_.press('q').kind, Effect::Kind::quit);
}

TEST(Sparkline, ShowsTheNewestValuesOverTheLeast) {
  EXPECT_EQ(sparkline({0, 7}, 4, Glyphs::ascii), "  _#");
  EXPECT_EQ(sparkline({9, 9, 0, 7}, 2, Glyphs::ascii), "_#");
  EXPECT_EQ(sparkline({}, 3, Glyphs::ascii), "   ");
  EXPECT_EQ(sparkline({-7, 0, 7}, 3, Glyphs::ascii), "_=#");
  EXPECT_EQ(sparkline({1, 1000}, 2, Glyphs::ascii), ".#") << "little is not nothing";
  EXPECT_EQ(sparkline({0, 1}, 2, Glyphs::blocks), "▁█");
  EXPECT_EQ(sparkline({5, 5}, 2, Glyphs::ascii), "##");
  EXPECT_EQ(sparkline({0, 0}, 2, Glyphs::ascii), "__");
}

TEST(History, KeepsTheNewest) {
  History history(2);
  for (const double value : {1.0, 2.0, 3.0}) history.add(value);
  EXPECT_EQ(history.values(), (std::deque<double>{2, 3}));
}

}  // namespace
}  // namespace samepage::top
