// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/analysis_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/types.hpp"
#include "base/units.hpp"
#include "manage/cli/table.hpp"

namespace samepage::cli {
namespace {

using analyze::FileFigures;
using analyze::PageFigures;
using analyze::PairFigures;
using analyze::RunClass;
using analyze::RunLengths;
using analyze::Savings;
using nlohmann::json;

constexpr std::size_t path_columns = 20, pair_columns = 26;

std::string short_size(std::uint64_t pages) {
  return format_short_size(PageCount{pages}.bytes());
}

// The end of a path tells files apart. Nothing in it may steer a terminal.
std::string short_path(std::string path, std::size_t columns) {
  if (path.size() > columns) path = "..." + path.substr(path.size() - columns + 3);
  std::replace_if(
      path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
      '?');
  return path;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{:.1f} %",
                     whole == 0 ? 0.0 : 100 * static_cast<double>(part) / static_cast<double>(whole));
}

double pages_a_run(const PageFigures& pages, const RunLengths& runs) {
  return runs.runs() == 0 ? 0 : static_cast<double>(pages.shared_pages) / static_cast<double>(runs.runs());
}

std::string speed(std::uint64_t bytes, double seconds) {
  return seconds <= 0 ? "" : fmt::format(" ({:.1f} GB/s)", static_cast<double>(bytes) / seconds / 1e9);
}

std::string pages_table(const PageFigures& pages) {
  Table table({{""}, {"PAGES", Align::right}, {"SIZE", Align::right}, {"", Align::right}, {""}});
  const auto row = [&](const char* name, std::uint64_t count, const std::string& remark) {
    table.add_row({name, std::to_string(count), format_size(PageCount{count}.bytes()),
                   percent(count, pages.pages), remark});
  };
  row("all", pages.pages, "");
  row("zero", pages.zero_pages, fmt::format("{} of them holes in the files", pages.hole_pages));
  row("shared", pages.shared_pages, fmt::format("{} different contents", pages.frames));
  row("unique", pages.unique_pages, "");
  row("saved", pages.saved_pages(), "zero and shared, less one page a content");
  return table.render();
}

std::string costs_table(const AnalysisReport& report) {
  const analyze::Costs& costs = report.costs;
  Table table({{"MERGED BY"}, {"SAVED", Align::right}, {"COSTS", Align::right}, {"NET SAVED", Align::right}});
  const auto row = [&](const char* name, const Savings& savings) {
    table.add_row({name, format_size(savings.saved_bytes), format_size(savings.overhead_bytes),
                   format_signed_size(savings.net_bytes())});
  };
  row("Samepage", costs.samepage);
  row("ksmd", costs.ksmd);
  std::string text = table.render();
  text += fmt::format("mappings: {}, of a guest at most {}; vm.max_map_count allows {}\n", costs.mappings,
                      costs.most_mappings, report.mappings_for_merging);
  if (costs.guests_over_limit != 0) {
    text += fmt::format("{} of the guests would need more: {} stay unmerged; raise vm.max_map_count\n",
                        costs.guests_over_limit, short_size(costs.unmapped_pages));
  }
  return text;
}

std::string runs_table(const RunLengths& runs) {
  Table table({{"PAGES IN A RUN", Align::right}, {"RUNS", Align::right}, {"SIZE", Align::right}});
  for (const RunClass& one : runs.classes()) {
    table.add_row({one.from == one.to ? std::to_string(one.from) : fmt::format("{} to {}", one.from, one.to),
                   std::to_string(one.runs), short_size(one.pages)});
  }
  return table.render();
}

std::string files_table(const AnalysisReport& report) {
  Table table({{"FILE"},
               {"SIZE", Align::right},
               {"ZERO", Align::right},
               {"SHARED", Align::right},
               {"UNIQUE", Align::right},
               {"WITHIN", Align::right},
               {"RUNS", Align::right},
               {"MAPPINGS", Align::right}});
  for (std::size_t i = 0; i < report.files.size(); ++i) {
    const FileFigures& file = report.figures.files[i];
    const PageFigures& pages = file.pages;
    table.add_row({short_path(report.files[i].path, path_columns), short_size(pages.pages),
                   short_size(pages.zero_pages), short_size(pages.shared_pages),
                   short_size(pages.unique_pages), short_size(pages.shared_pages - pages.frames),
                   std::to_string(file.runs.runs()), std::to_string(file.mappings)});
  }
  return table.render();
}

std::string pairs_table(const AnalysisReport& report, std::size_t most) {
  const std::vector<PairFigures>& pairs = report.figures.pairs;
  Table table(
      {{"FILE A"}, {"FILE B"}, {"COMMON", Align::right}, {"OF A", Align::right}, {"OF B", Align::right}});
  for (std::size_t i = 0; i < std::min(most, pairs.size()); ++i) {
    const PairFigures& pair = pairs[i];
    table.add_row({short_path(report.files[pair.a].path, pair_columns),
                   short_path(report.files[pair.b].path, pair_columns), short_size(pair.frames),
                   short_size(pair.pages_a), short_size(pair.pages_b)});
  }
  std::string text = table.render();
  if (pairs.size() > most) text += fmt::format("and {} pairs more\n", pairs.size() - most);
  return text;
}

json to_json(const RunLengths& runs) {
  json list = json::array();
  for (const RunClass& one : runs.classes()) {
    list.push_back({{"from", one.from}, {"to", one.to}, {"runs", one.runs}, {"pages", one.pages}});
  }
  return list;
}

json to_json(const PageFigures& pages) {
  return {{"pages", pages.pages},
          {"zero_pages", pages.zero_pages},
          {"hole_pages", pages.hole_pages},
          {"shared_pages", pages.shared_pages},
          {"unique_pages", pages.unique_pages},
          {"frames", pages.frames}};
}

json to_json(const Savings& savings) {
  return {{"saved_bytes", savings.saved_bytes},
          {"overhead_bytes", savings.overhead_bytes},
          {"net_saved_bytes", savings.net_bytes()}};
}

}  // namespace

std::string AnalysisReport::text(std::size_t pairs) const {
  std::string text =
      fmt::format("{} file{}, {} of memory; {} read in {:.1f} s{}\n\n", files.size(),
                  files.size() == 1 ? "" : "s", format_size(PageCount{figures.pages.pages}.bytes()),
                  format_size(bytes_read), seconds, speed(bytes_read, seconds));
  text += pages_table(figures.pages);
  text += fmt::format("\nshared pages lie in {} runs of {:.1f} pages\n", figures.runs.runs(),
                      pages_a_run(figures.pages, figures.runs));
  text += runs_table(figures.runs) + "\n" + costs_table(*this) + "\n" + files_table(*this);
  if (pairs != 0 && !figures.pairs.empty()) text += "\n" + pairs_table(*this, pairs);
  return text;
}

json AnalysisReport::to_json() const {
  json report = cli::to_json(figures.pages);
  report["runs"] = figures.runs.runs();
  report["run_lengths"] = cli::to_json(figures.runs);
  report["saved_bytes"] = PageCount{figures.pages.saved_pages()}.bytes();
  report["page_size"] = page_size;
  report["bytes_read"] = bytes_read;
  report["seconds"] = seconds;
  report["samepage"] = cli::to_json(costs.samepage);
  report["samepage"]["mappings"] = costs.mappings;
  report["samepage"]["mappings_of_a_guest"] = costs.most_mappings;
  report["samepage"]["mappings_allowed"] = mappings_for_merging;
  report["samepage"]["guests_over_limit"] = costs.guests_over_limit;
  report["samepage"]["unmerged_pages"] = costs.unmapped_pages;
  report["ksmd"] = cli::to_json(costs.ksmd);
  report["files"] = json::array();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const FileFigures& file = figures.files[i];
    json one = cli::to_json(file.pages);
    one["file"] = files[i].path;
    one["format"] = files[i].format;
    one["runs"] = file.runs.runs();
    one["run_lengths"] = cli::to_json(file.runs);
    one["mappings"] = file.mappings;
    one["left_out_bytes"] = files[i].left_out_bytes;
    one["missing_bytes"] = files[i].missing_bytes;
    one["changed"] = files[i].changed;
    report["files"].push_back(std::move(one));
  }
  report["pairs"] = json::array();
  const std::size_t shown = std::min(most_pairs, figures.pairs.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const PairFigures& pair = figures.pairs[i];
    report["pairs"].push_back({{"a", pair.a},
                               {"b", pair.b},
                               {"file_a", files[pair.a].path},
                               {"file_b", files[pair.b].path},
                               {"frames", pair.frames},
                               {"pages_a", pair.pages_a},
                               {"pages_b", pair.pages_b},
                               {"saved_bytes", PageCount{pair.frames}.bytes()}});
  }
  report["pairs_left_out"] = figures.pairs.size() - shown;
  return report;
}

std::vector<std::string> AnalysisReport::notes() const {
  std::vector<std::string> notes;
  for (const AnalyzedFile& file : files) {
    if (file.changed) {
      notes.push_back(
          fmt::format("{} was written while it was read: pages are of different moments", file.path));
    }
    if (file.left_out_bytes != 0) {
      notes.push_back(fmt::format("{} has {} bytes that make no whole page of {}: they are left out",
                                  file.path, file.left_out_bytes, page_size));
    }
    if (file.missing_bytes != 0) {
      notes.push_back(fmt::format("{} does not have {} of its guest's memory: that is left out", file.path,
                                  format_size(file.missing_bytes)));
    }
  }
  return notes;
}

}  // namespace samepage::cli
