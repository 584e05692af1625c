// SPDX-License-Identifier: Apache-2.0
#include "manage/top/view.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace samepage::top {
namespace {

using std::chrono::milliseconds;

constexpr std::array intervals{milliseconds(250),    milliseconds(500),   milliseconds(1'000),
                               milliseconds(2'000),  milliseconds(5'000), milliseconds(10'000),
                               milliseconds(30'000), milliseconds(60'000)};
constexpr Key delete_key = 127;

milliseconds longer(milliseconds interval) {
  const auto next = std::upper_bound(intervals.begin(), intervals.end(), interval);
  return next == intervals.end() ? interval : *next;
}

milliseconds shorter(milliseconds interval) {
  const auto same = std::lower_bound(intervals.begin(), intervals.end(), interval);
  return same == intervals.begin() ? interval : *std::prev(same);
}

}  // namespace

void View::update(std::vector<Row> rows) {
  all_ = std::move(rows);
  arrange();
}

void View::arrange() {
  shown_ = arranged(all_, arrangement_);
  // The selection follows its guest; where that is gone, it stays in its place.
  const auto same =
      std::find_if(shown_.begin(), shown_.end(), [&](const Row& row) { return row.name == selected_name_; });
  if (same != shown_.end()) selected_ = static_cast<std::size_t>(same - shown_.begin());
  move(0);
}

void View::move(std::ptrdiff_t rows) {
  const auto last = static_cast<std::ptrdiff_t>(shown_.size()) - 1;
  const std::ptrdiff_t wanted = static_cast<std::ptrdiff_t>(selected_) + rows;
  selected_ =
      static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(wanted, 0, std::max<std::ptrdiff_t>(last, 0)));
  selected_name_ = shown_.empty() ? std::string() : shown_[selected_].name;
  fit(fitting_);
}

void View::fit(std::size_t rows) {
  fitting_ = std::max<std::size_t>(rows, 1);
  first_ = std::min(first_, selected_);
  if (selected_ >= first_ + fitting_) first_ = selected_ - fitting_ + 1;
  const std::size_t last_first = shown_.size() - std::min(shown_.size(), fitting_);
  first_ = std::min(first_, last_first);
}

void View::sort_by(std::size_t sort) {
  arrangement_.sort = sort;
  arrangement_.order = natural_order(sort);
  arrange();
}

Effect View::tell_selected(std::string verb) const {
  if (shown_.empty()) return {};
  return {Effect::Kind::tell, shown_[selected_].name, std::move(verb)};
}

Effect View::press(Key key) {
  message_.clear();
  switch (mode_) {
    case Mode::list:
      return press_in_list(key);
    case Mode::filter:
      press_in_filter(key);
      return {};
    case Mode::confirm_stop:
      mode_ = Mode::list;
      if (key == 'y' || key == 'Y') return {Effect::Kind::tell, std::exchange(stopping_, {}), "stop"};
      message_ = "not stopped";
      return {};
    case Mode::help:
      mode_ = Mode::list;
      return {};
  }
  return {};
}

Effect View::press_in_list(Key key) {
  const auto page = static_cast<std::ptrdiff_t>(fitting_);
  const auto all = static_cast<std::ptrdiff_t>(shown_.size());
  const std::size_t count = columns().size();
  switch (key) {
    case 'q':
      return {Effect::Kind::quit, {}, {}};
    case keys::up:
      return move(-1), Effect{};
    case keys::down:
      return move(1), Effect{};
    case keys::page_up:
      return move(-page), Effect{};
    case keys::page_down:
      return move(page), Effect{};
    case keys::home:
      return move(-all), Effect{};
    case keys::end:
      return move(all), Effect{};
    case 's':
    case '>':
      return sort_by((arrangement_.sort + 1) % count), Effect{};
    case 'S':
    case '<':
      return sort_by((arrangement_.sort + count - 1) % count), Effect{};
    case 'r':
      arrangement_.order = arrangement_.order == Order::ascending ? Order::descending : Order::ascending;
      return arrange(), Effect{};
    case 'd':
      arrangement_.domain = next_domain(all_, arrangement_.domain);
      return arrange(), Effect{};
    case '/':
      former_filter_ = arrangement_.filter;
      mode_ = Mode::filter;
      return {};
    case keys::escape:
      arrangement_.filter.clear();
      arrangement_.domain.clear();
      return arrange(), Effect{};
    case 'p':
      return tell_selected(!shown_.empty() && shown_[selected_].state == "paused" ? "resume" : "pause");
    case 'x':
      if (shown_.empty()) return {};
      stopping_ = shown_[selected_].name;
      mode_ = Mode::confirm_stop;
      message_ = "stop guest " + stopping_ + "? y/n";
      return {};
    case '+':
      return interval_ = longer(interval_), Effect{};
    case '-':
      return interval_ = shorter(interval_), Effect{};
    case 'h':
    case '?':
      mode_ = Mode::help;
      return {};
    default:
      return {};
  }
}

void View::press_in_filter(Key key) {
  std::string& filter = arrangement_.filter;
  if (key == keys::enter || key == '\n') {
    mode_ = Mode::list;
  } else if (key == keys::escape) {
    filter = former_filter_;
    mode_ = Mode::list;
  } else if (key == keys::backspace || key == delete_key) {
    if (!filter.empty()) filter.pop_back();
  } else if (key >= ' ' && key <= '~') {
    filter += static_cast<char>(key);
  }
  arrange();
}

}  // namespace samepage::top
