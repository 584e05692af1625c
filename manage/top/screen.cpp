// SPDX-License-Identifier: Apache-2.0
#include "manage/top/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"
#include "base/units.hpp"
#include "dedup/host_figures.hpp"
#include "manage/guests/figures.hpp"
#include "manage/top/screen_table.hpp"

namespace samepage::top {
namespace {

using guests::number;
using nlohmann::json;

// Lines above and below the guests; a low terminal has the few alone.
constexpr std::size_t all_frame_lines = 8;
constexpr std::size_t few_frame_lines = 4;
constexpr std::size_t low_terminal = 14;

bool is_low(const Size& size) {
  return size.rows < low_terminal;
}

// Cuts a line to the width of the screen.
Line cut(Line line, std::size_t columns) {
  std::size_t used = 0;
  for (Span& span : line) {
    const std::size_t width = width_of(span.text);
    // Only the curve is not ASCII, and it is made to fit.
    if (used + width > columns) span.text.resize(std::min(span.text.size(), columns - used));
    used += width_of(span.text);
  }
  return line;
}

std::string count_text(const View& view) {
  std::size_t paused = 0;
  std::size_t silent = 0;
  for (const Row& row : view.all()) {
    paused += row.state == "paused" ? 1U : 0U;
    silent += row.answers ? 0U : 1U;
  }
  std::string text = fmt::format("{} {}", view.all().size(), view.all().size() == 1 ? "guest" : "guests");
  if (view.shown().size() != view.all().size()) text += fmt::format(" ({} shown)", view.shown().size());
  if (paused > 0) text += fmt::format(", {} paused", paused);
  if (silent > 0) text += fmt::format(", {} not answering", silent);
  return text;
}

const Figure& host_figure(std::string_view key) {
  const auto figures = dedup::host_figures();
  const auto found =
      std::find_if(figures.begin(), figures.end(), [&](const Figure& one) { return one.key == key; });
  invariant(found != figures.end(), "top shows a figure that the host does not have");
  return *found;
}

// "saved 27.5 MiB"
std::string told(const json& host, std::string_view key) {
  const Figure& figure = host_figure(key);
  return fmt::format("{} {}", figure.title, guests::text_of(figure, host));
}

Line title_line(const Scene& scene, const View& view) {
  Line line{{Style::strong, "samepage top"}, {Style::plain, "  " + count_text(view)}};
  line.push_back({Style::faint, fmt::format("  {}, every {:g} s", scene.clock,
                                            static_cast<double>(view.interval().count()) / 1000)});
  return line;
}

Line saved_line(const Scene& scene) {
  const json& host = scene.snapshot.host;
  const bool loses = host.value("net_saved_bytes", std::int64_t{0}) < 0;
  return {{loses ? Style::bad : Style::good, told(host, "net_saved_bytes")},
          {Style::plain, fmt::format("  {}  {}  {}", told(host, "saved_bytes"), told(host, "overhead_bytes"),
                                     told(host, "kernel_bytes"))}};
}

// Of what is shown, so that a filter gives the sums of a group.
Line sums_line(const View& view) {
  std::string text;
  for (const char* key : {"ram_bytes", "private_bytes", "shared_bytes", "zero_bytes", "untouched_bytes"}) {
    const std::size_t index = column(key);
    double sum = 0;
    for (const Row& row : view.shown()) {
      if (const double* value = std::get_if<double>(&row.cells.at(index))) sum += *value;
    }
    std::string_view title = columns()[index].figure.title;
    title.remove_prefix(std::min(title.find_first_not_of(' '), title.size()));
    text += fmt::format("{}{} {}", text.empty() ? "" : "  ", title, text_of(columns()[index], sum));
  }
  return {{Style::plain, std::move(text)}};
}

Line daemon_line(const Scene& scene) {
  const json& host = scene.snapshot.host;
  if (scene.snapshot.daemon == guests::DaemonState::absent) {
    return {{Style::bad, "no daemon answers: nothing is merged now"}};
  }
  if (scene.snapshot.daemon == guests::DaemonState::hangs) {
    return {{Style::bad, "the daemon does not answer; its figures are 0 until it does"}};
  }
  return {{Style::plain, fmt::format("{} ({:.1f}/s)  {}  {}", told(host, "breaks"), scene.breaks_per_second,
                                     told(host, "hold_max_us"), told(host, "tracker"))}};
}

Line curve_line(const Scene& scene, std::size_t width, Glyphs glyphs) {
  const auto& values = scene.net_saved.values();
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double low = values.empty() ? 0 : std::min(*least, 0.0);
  const double high = values.empty() ? 0 : std::max(*most, 0.0);
  const std::string label = "net saved ";
  const std::string range = fmt::format(" {} to {}", format_signed_size(static_cast<std::int64_t>(low)),
                                        format_signed_size(static_cast<std::int64_t>(high)));
  if (width < label.size() + range.size() + 8) return {};
  const std::size_t room = width - label.size() - range.size();
  return {{Style::faint, label}, {Style::good, sparkline(values, room, glyphs)}, {Style::faint, range}};
}

Line choice_line(const View& view) {
  const Arrangement& chosen = view.arrangement();
  return {{Style::faint, fmt::format("sorted by {} {}  domain {}  filter {}", columns()[chosen.sort].heading,
                                     chosen.order == Order::ascending ? "(least first)" : "(most first)",
                                     chosen.domain.empty() ? "all" : printable(chosen.domain),
                                     chosen.filter.empty() ? "none" : printable(chosen.filter))}};
}

Line bottom_line(const View& view) {
  if (view.mode() == Mode::filter) {
    return {{Style::strong, "filter: " + printable(view.arrangement().filter) + "_"},
            {Style::faint, "  Enter keeps it, Esc goes back"}};
  }
  if (!view.message().empty()) return {{Style::strong, printable(view.message())}};
  return {{Style::faint, "q quit  s sort  r reverse  / filter  d domain  p pause  x stop  h help"}};
}

std::vector<Line> help_lines() {
  static constexpr std::array<std::string_view, 14> text{
      "Up Down PgUp PgDn Home End   choose a guest",
      "s S (or > <)                 sort by the next column, by the one before",
      "r                            turn the order round",
      "/                            show guests whose name, image or domain has a text",
      "d                            show one domain after the other, then all",
      "Esc                          show all again",
      "p                            pause the chosen guest, or let it go on",
      "x                            stop it (asks first)",
      "+ -                          look less often, more often",
      "q                            quit",
      "",
      "SAVED is a guest's zero pages, and its shared ones less its part of the frames.",
      "All guests together: the host's 'saved'. S: R running, P paused, S stopped,",
      "? not answering. Press any key.",
  };
  std::vector<Line> lines;
  for (const std::string_view line : text) lines.push_back({{Style::plain, std::string(line)}});
  return lines;
}

std::vector<Line> frame_above(const Scene& scene, const View& view, const Size& size, Glyphs glyphs) {
  if (is_low(size)) return {title_line(scene, view), saved_line(scene)};
  return {title_line(scene, view),
          saved_line(scene),
          sums_line(view),
          daemon_line(scene),
          curve_line(scene, size.columns, glyphs),
          choice_line(view)};
}

}  // namespace

void Scene::update(guests::Snapshot sample, double seconds, std::string time) {
  const bool same_daemon = number(snapshot.raw_host, "daemon_pid") == number(sample.raw_host, "daemon_pid");
  const auto rate = growth(snapshot.raw_host, sample.raw_host, "breaks", seconds - seconds_);
  breaks_per_second = same_daemon ? rate.value_or(0) : 0;
  snapshot = std::move(sample);
  seconds_ = seconds;
  clock = std::move(time);
  net_saved.add(static_cast<double>(snapshot.host.value("net_saved_bytes", std::int64_t{0})));
}

std::size_t width_of(std::string_view text) {
  // In UTF-8 all bytes but a character's first begin with 10.
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

std::size_t rows_that_fit(const Size& size) {
  const std::size_t taken = is_low(size) ? few_frame_lines : all_frame_lines;
  return size.rows > taken ? size.rows - taken : 1;
}

std::vector<Line> screen(const Scene& scene, const View& view, const Size& size, Glyphs glyphs) {
  std::vector<Line> lines = frame_above(scene, view, size, glyphs);
  const Layout layout = layout_of(view, size.columns);
  lines.push_back(head_line(layout, view, size.columns));
  if (view.mode() == Mode::help) {
    for (Line& line : help_lines()) lines.push_back(std::move(line));
  } else {
    const std::size_t end = std::min(view.shown().size(), view.first() + rows_that_fit(size));
    for (std::size_t i = view.first(); i < end; ++i) {
      lines.push_back(row_line(layout, view.shown()[i], i == view.selected(), size.columns));
    }
    if (view.all().empty()) lines.push_back({{Style::faint, "no guest is running"}});
  }
  lines.resize(size.rows > 0 ? size.rows - 1 : 0);
  if (size.rows > 0) lines.push_back(bottom_line(view));
  for (Line& line : lines) line = cut(std::move(line), size.columns);
  return lines;
}

std::string page(const Scene& scene, const View& view) {
  const Size size{80, low_terminal};
  std::vector<Line> lines = frame_above(scene, view, size, Glyphs::ascii);
  lines.erase(lines.end() - 2);  // a curve of one moment
  const Layout layout = layout_of(view, size.columns);
  lines.push_back({});
  lines.push_back(head_line(layout, view, size.columns));
  for (const Row& row : view.shown()) lines.push_back(row_line(layout, row, false, size.columns));
  std::string text;
  for (const Line& line : lines) {
    std::string plain;
    for (const Span& span : cut(line, size.columns)) plain += span.text;
    plain.resize(plain.find_last_not_of(' ') + 1);
    text += plain + "\n";
  }
  return text;
}

}  // namespace samepage::top
