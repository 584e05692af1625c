// SPDX-License-Identifier: Apache-2.0
// The screen of `samepage top` as text with styles, for a terminal of any size. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manage/guests/snapshot.hpp"
#include "manage/top/sparkline.hpp"
#include "manage/top/view.hpp"

namespace samepage::top {

enum class Style : std::uint8_t { plain, strong, faint, head, selected, good, bad };

/// Printable ASCII, but for the curve's glyphs; each is one cell wide.
struct Span {
  Style style = Style::plain;
  std::string text;
};
using Line = std::vector<Span>;

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// What is shown of the host.
struct Scene {
  guests::Snapshot snapshot;  // the last sample
  double breaks_per_second = 0;
  History net_saved{1'000};
  std::string clock;  // the time of the sample, as people read it

  /// Before the first sample all figures are 0.
  Scene() { snapshot.host = snapshot.raw_host = nlohmann::json::object(); }
  /// A sample has come, `seconds` after some fixed moment.
  void update(guests::Snapshot sample, double seconds, std::string time);

 private:
  double seconds_ = 0;
};

/// How many guests fit.
[[nodiscard]] std::size_t rows_that_fit(const Size& size);
/// `size.rows` lines of `size.columns` cells each at most.
[[nodiscard]] std::vector<Line> screen(const Scene& scene, const View& view, const Size& size, Glyphs glyphs);
/// The same for a script: all guests, no keys, plain text, 80 columns.
[[nodiscard]] std::string page(const Scene& scene, const View& view);

/// How many cells a text takes.
[[nodiscard]] std::size_t width_of(std::string_view text);

}  // namespace samepage::top
