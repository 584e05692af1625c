// SPDX-License-Identifier: Apache-2.0
#include "manage/report/analysis_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/types.hpp"
#include "manage/report/chart.hpp"
#include "manage/report/html.hpp"
#include "manage/report/matrix_html.hpp"

namespace samepage::report {
namespace {

using nlohmann::json;

constexpr std::size_t most_files = 32;
constexpr std::size_t longest_name = 128;

double number(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? std::clamp(found->get<double>(), -1e15, 1e15) : 0;
}

double page_bytes(const json& object, std::string_view key) {
  return number(object, key) * page_size;
}

std::vector<json> list_of(const json& object, std::string_view key, std::size_t most) {
  const auto found = object.find(key);
  std::vector<json> list;
  if (found == object.end() || !found->is_array()) return list;
  for (const json& item : *found) {
    if (item.is_object() && list.size() < most) list.push_back(item);
  }
  return list;
}

std::string name_of(const json& file) {
  for (const char* key : {"file", "name", "path"}) {
    const json name = file.value(key, json());
    if (name.is_string()) return name.get<std::string>().substr(0, longest_name);
  }
  return "?";
}

std::vector<std::string> row_of(const std::string& name, const json& pages) {
  return {html(name),
          size_text(page_bytes(pages, "pages")),
          size_text(page_bytes(pages, "zero_pages")),
          size_text(page_bytes(pages, "shared_pages")),
          size_text(page_bytes(pages, "frames")),
          size_text(page_bytes(pages, "unique_pages"))};
}

// A file of a pair is named, or numbered from 0.
std::size_t file_index(const json& pair, std::string_view key,
                       const std::map<std::string, std::size_t>& index) {
  const json value = pair.value(std::string(key), json());
  if (value.is_number_unsigned()) return std::min<std::size_t>(value.get<std::size_t>(), most_files);
  if (!value.is_string()) return most_files;
  const auto found = index.find(value.get<std::string>().substr(0, longest_name));
  return found == index.end() ? most_files : found->second;
}

std::string pairs_of(const json& analysis, const std::vector<json>& files) {
  MatrixView view;
  view.label = "Memory of contents that both files have";
  std::map<std::string, std::size_t> index;
  for (const json& file : files) {
    index.emplace(name_of(file), view.names.size());
    view.names.push_back(name_of(file));
  }
  const std::size_t count = files.size();
  view.bytes.assign(count, std::vector<std::uint64_t>(count, 0));
  for (std::size_t i = 0; i < count; ++i) {
    view.bytes[i][i] = static_cast<std::uint64_t>(std::max(page_bytes(files[i], "frames"), 0.0));
  }
  for (const json& pair : list_of(analysis, "pairs", most_files * most_files)) {
    const std::size_t a = file_index(pair, "a", index);
    const std::size_t b = file_index(pair, "b", index);
    if (a >= count || b >= count) continue;
    view.bytes[a][b] = view.bytes[b][a] =
        static_cast<std::uint64_t>(std::max(page_bytes(pair, "frames"), 0.0));
  }
  return "<div class=\"card\"><h3>Between files</h3><p class=\"note\">Contents that both files of a pair "
         "have.</p>" +
         matrix_html(view) + "</div>";
}

}  // namespace

std::string analysis_section(const json& analysis) {
  if (!analysis.is_object() || !analysis.contains("pages")) return {};
  const std::vector<json> files = list_of(analysis, "files", most_files);
  std::vector<std::vector<std::string>> rows;
  for (const json& file : files) rows.push_back(row_of(name_of(file), file));
  rows.push_back(row_of("all together", analysis));
  std::string text = fmt::format(
      "<h2>Memory images</h2><p class=\"lead\">What could be saved among files that were analyzed: {} of "
      "{}.</p>"
      "<div class=\"card\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of "
      "files\">{}</div>"
      "<p class=\"note\">Shared: pages whose content occurs more than once. Contents: how many different "
      "ones these "
      "are.</p></div>",
      size_text(number(analysis, "saved_bytes")), size_text(page_bytes(analysis, "pages")),
      table_html({"File", "Memory", "Zero", "Shared", "Contents", "Unique"}, rows));
  if (files.size() > 1) text += pairs_of(analysis, files);
  return text;
}

}  // namespace samepage::report
