// SPDX-License-Identifier: Apache-2.0
// What the person at `samepage top` has chosen, and what their keys do. Knows rows, no terminal and no guest:
// what has to be done is returned. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "manage/top/arrangement.hpp"

namespace samepage::top {

/// A character, or one of these.
using Key = int;
namespace keys {
inline constexpr Key enter = '\r', escape = 27, backspace = 8;
inline constexpr Key up = 0x10000, down = 0x10001, page_up = 0x10002, page_down = 0x10003, home = 0x10004,
                     end = 0x10005;
}  // namespace keys

/// What a key asks for beyond the view.
struct Effect {
  enum class Kind : std::uint8_t { none, quit, tell };
  Kind kind = Kind::none;
  std::string guest;  // tell: whom
  std::string verb;   // "pause", "resume" or "stop"
};

enum class Mode : std::uint8_t { list, filter, confirm_stop, help };

class View {
 public:
  View(Arrangement arrangement, std::chrono::milliseconds interval)
      : arrangement_(std::move(arrangement)), interval_(interval) {}

  /// A sample has come.
  void update(std::vector<Row> rows);
  Effect press(Key key);
  /// A line of news, until the next key.
  void tell(std::string message) { message_ = std::move(message); }
  /// How many rows fit: the selected one is kept among them.
  void fit(std::size_t rows);

  [[nodiscard]] const Arrangement& arrangement() const { return arrangement_; }
  [[nodiscard]] std::chrono::milliseconds interval() const { return interval_; }
  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  /// All guests, and those that are shown in their order.
  [[nodiscard]] const std::vector<Row>& all() const { return all_; }
  [[nodiscard]] const std::vector<Row>& shown() const { return shown_; }
  /// The first row on the screen, and the selected one, of shown(); there is none when that is empty.
  [[nodiscard]] std::size_t first() const { return first_; }
  [[nodiscard]] std::size_t selected() const { return selected_; }

 private:
  Effect press_in_list(Key key);
  void press_in_filter(Key key);
  void move(std::ptrdiff_t rows);
  void sort_by(std::size_t sort);
  void arrange();
  [[nodiscard]] Effect tell_selected(std::string verb) const;

  Arrangement arrangement_;
  std::chrono::milliseconds interval_;
  Mode mode_ = Mode::list;
  std::string former_filter_;  // what Escape goes back to
  std::string stopping_;       // the guest that is asked about
  std::string message_;
  std::vector<Row> all_, shown_;
  std::size_t first_ = 0, selected_ = 0;
  std::size_t fitting_ = 1;
  std::string selected_name_;
};

}  // namespace samepage::top
