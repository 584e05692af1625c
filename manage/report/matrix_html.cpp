// SPDX-License-Identifier: Apache-2.0
#include "manage/report/matrix_html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/units.hpp"
#include "manage/report/html.hpp"
#include "manage/report/ticks.hpp"

namespace samepage::report {
namespace {

// More, and the cells show shades alone: the numbers are in their titles.
constexpr std::size_t most_with_numbers = 12;
constexpr double darkest = 0.62;  // text on it can be read

}  // namespace

std::string matrix_html(const MatrixView& view) {
  const std::size_t count = view.names.size();
  const bool dense = count > most_with_numbers;
  std::uint64_t most = 1;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      if (i != j) most = std::max(most, view.bytes[i][j]);
    }
  }
  std::string head = "<th></th>";
  for (std::size_t j = 0; j < count; ++j) {
    head += fmt::format(R"(<th scope="col" title="{}" aria-label="{}">{}</th>)", html(view.names[j]),
                        html(view.names[j]), j + 1);
  }
  std::string rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows += fmt::format(R"(<tr><th scope="row" title="{0}">{1} {0}</th>)", html(view.names[i]), i + 1);
    for (std::size_t j = 0; j < count; ++j) {
      const std::uint64_t bytes = view.bytes[i][j];
      const std::string text = bytes == 0 ? "0" : format_short_size(bytes);
      const double shade =
          i == j ? 0 : darkest * std::sqrt(static_cast<double>(bytes) / static_cast<double>(most));
      const std::string title =
          i == j ? fmt::format("{}: {} in all", view.names[i], format_size(bytes))
                 : fmt::format("{} and {}: {}", view.names[i], view.names[j], format_size(bytes));
      rows += fmt::format(R"(<td{} style="--h:{:.2f}" title="{}"{}>{}</td>)", i == j ? " class=\"self\"" : "",
                          shade, html(title), dense ? fmt::format(R"( aria-label="{}")", text) : "",
                          dense ? "" : text);
    }
    rows += "</tr>";
  }
  return fmt::format(
      R"(<div class="scroll" tabindex="0" role="region" aria-label="{}"><table class="matrix{}"><thead><tr>{}</tr>)"
      R"(</thead><tbody>{}</tbody></table></div>)",
      html(view.label), dense ? " dense" : "", head, rows);
}

std::string matrix_section(const SharingMatrix& matrix, double seconds) {
  std::string text =
      "<h2>Who shares with whom</h2><p class=\"lead\">Memory of frames that both guests of a pair map. The "
      "diagonal is "
      "all that a guest maps.</p>";
  if (matrix.empty()) {
    return text + "<p class=\"note\">No guest mapped frames when page maps were read, or none were read.</p>";
  }
  std::set<std::string> domains;
  for (const SharingMatrix::Guest& guest : matrix.guests) domains.insert(guest.domain);
  MatrixView view;
  for (const SharingMatrix::Guest& guest : matrix.guests) {
    view.names.push_back(domains.size() == 1 ? guest.name : guest.name + " (" + guest.domain + ")");
  }
  view.bytes = matrix.bytes;
  view.label = "Memory of frames that both guests map";
  text += "<div class=\"card\">" + matrix_html(view);
  std::string note =
      fmt::format("As it was {} after the first sample.", elapsed_text(std::round(std::max(seconds, 0.0))));
  if (domains.size() > 1) note += " Guests of different domains share nothing.";
  if (matrix.left_out > 0) {
    note += fmt::format(" The {} guests that map most; {} more map frames.", matrix.guests.size(),
                        count_text(matrix.left_out));
  }
  return text + "<p class=\"note\">" + note + "</p></div>";
}

}  // namespace samepage::report
