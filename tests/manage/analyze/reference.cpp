// SPDX-License-Identifier: Apache-2.0
#include "tests/manage/analyze/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace samepage::analyze::test {
namespace {

bool is_zero(const Page& page) {
  return std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

struct Seen {
  std::map<std::uint32_t, std::uint64_t> pages_of_file;
  std::uint64_t order = 0;

  [[nodiscard]] std::uint64_t pages() const {
    std::uint64_t sum = 0;
    for (const auto& [file, pages] : pages_of_file) sum += pages;
    return sum;
  }
};

// Runs of numbers that follow each other; nothing between two of them.
RunLengths runs_of(const std::vector<std::optional<std::uint64_t>>& places) {
  RunLengths runs;
  for (std::size_t first = 0; first < places.size();) {
    std::size_t end = first + 1;
    if (!places[first]) {
      first = end;
      continue;
    }
    while (end < places.size() && places[end] && *places[end] == *places[end - 1] + 1) ++end;
    runs.add(end - first);
    first = end;
  }
  return runs;
}

}  // namespace

Figures reference_figures(const std::vector<Items>& files) {
  std::map<Page, Seen> contents;
  std::uint64_t order = 0;
  for (std::uint32_t file = 0; file < files.size(); ++file) {
    for (const Item& item : files[file]) {
      if (item.kind != Item::Kind::page || is_zero(item.bytes)) continue;
      Seen& seen = contents[item.bytes];
      if (seen.pages_of_file.empty()) seen.order = order++;
      ++seen.pages_of_file[file];
    }
  }
  std::map<std::uint64_t, const Page*> shared;  // by first sighting
  for (const auto& [page, seen] : contents) {
    if (seen.pages() > 1) shared[seen.order] = &page;
  }
  Figures figures;
  std::map<Page, std::uint64_t> frame_of;
  for (const auto& [first, page] : shared) {
    frame_of[*page] = figures.pages.frames++;
    const std::uint64_t copies = (contents[*page].pages() + 255) / 256;
    figures.ksm_frames += copies;
    figures.ksm_chains += copies > 1 ? 1 : 0;
    figures.dup_frames += contents[*page].pages() >= 512 ? 31U : 0U;
  }
  for (const Items& items : files) {
    FileFigures& file = figures.files.emplace_back();
    std::set<Page> own;
    std::vector<std::optional<std::uint64_t>> places;
    for (const Item& item : items) {
      if (item.kind == Item::Kind::gap) {
        places.emplace_back();
        continue;
      }
      const std::uint64_t pages = item.kind == Item::Kind::hole ? item.pages : 1;
      file.pages.pages += pages;
      if (item.kind == Item::Kind::hole) file.pages.hole_pages += pages;
      if (item.kind == Item::Kind::hole || is_zero(item.bytes)) {
        file.pages.zero_pages += pages;
        places.emplace_back();
      } else if (const auto frame = frame_of.find(item.bytes); frame != frame_of.end()) {
        ++file.pages.shared_pages;
        own.insert(item.bytes);
        places.emplace_back(frame->second);
      } else {
        ++file.pages.unique_pages;
        places.emplace_back();
      }
    }
    file.pages.frames = own.size();
    file.runs = runs_of(places);
    figures.runs.add(file.runs);
    figures.pages.pages += file.pages.pages;
    figures.pages.zero_pages += file.pages.zero_pages;
    figures.pages.hole_pages += file.pages.hole_pages;
    figures.pages.shared_pages += file.pages.shared_pages;
    figures.pages.unique_pages += file.pages.unique_pages;
  }
  for (std::uint32_t a = 0; a < files.size(); ++a) {
    for (std::uint32_t b = a + 1; b < files.size(); ++b) {
      PairFigures pair{a, b, 0, 0, 0};
      for (const auto& [page, seen] : contents) {
        if (!seen.pages_of_file.contains(a) || !seen.pages_of_file.contains(b)) continue;
        ++pair.frames;
        pair.pages_a += seen.pages_of_file.at(a);
        pair.pages_b += seen.pages_of_file.at(b);
      }
      if (pair.frames != 0) figures.pairs.push_back(pair);
    }
  }
  std::stable_sort(figures.pairs.begin(), figures.pairs.end(),
                   [](const PairFigures& x, const PairFigures& y) { return x.frames > y.frames; });
  return figures;
}

void add_items(PageSink& sink, const Items& file, std::size_t piece) {
  std::vector<std::byte> waiting;
  const auto hand_over = [&] {
    if (!waiting.empty()) sink.add_pages(waiting);
    waiting.clear();
  };
  for (const Item& item : file) {
    if (item.kind == Item::Kind::page) {
      waiting.insert(waiting.end(), item.bytes.begin(), item.bytes.end());
      if (waiting.size() >= piece * page_size) hand_over();
      continue;
    }
    hand_over();
    item.kind == Item::Kind::hole ? sink.add_hole(PageCount{item.pages}) : sink.add_gap();
  }
  hand_over();
}

std::vector<std::string> lines_of(const Figures& figures) {
  std::vector<std::string> lines;
  const auto pages = [&](const std::string& name, const PageFigures& of, const RunLengths& runs) {
    lines.push_back(fmt::format("{}: pages {} zero {} holes {} shared {} unique {} frames {} saved {}", name,
                                of.pages, of.zero_pages, of.hole_pages, of.shared_pages, of.unique_pages,
                                of.frames, of.saved_pages()));
    for (const RunClass& one : runs.classes()) {
      lines.push_back(
          fmt::format("{}: runs {} to {}: {} of {} pages", name, one.from, one.to, one.runs, one.pages));
    }
  };
  pages("all", figures.pages, figures.runs);
  for (std::size_t i = 0; i < figures.files.size(); ++i) {
    pages(fmt::format("file {}", i), figures.files[i].pages, figures.files[i].runs);
  }
  for (const PairFigures& pair : figures.pairs) {
    lines.push_back(fmt::format("pair {} {}: {} frames, {} and {} pages", pair.a, pair.b, pair.frames,
                                pair.pages_a, pair.pages_b));
  }
  lines.push_back(fmt::format("ksm: {} frames, {} chains; {} dups", figures.ksm_frames, figures.ksm_chains,
                              figures.dup_frames));
  return lines;
}

}  // namespace samepage::analyze::test
