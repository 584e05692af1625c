// SPDX-License-Identifier: Apache-2.0
#include "bench/memory_set.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "base/json.hpp"

namespace samepage::bench {
namespace {

struct HashOfName {
  std::size_t operator()(const dedup::WideHash& name) const { return name.low; }
};

struct Occurrences {
  std::uint64_t pages = 0;
  std::optional<std::uint64_t> frame;
};

using Contents = std::unordered_map<dedup::WideHash, Occurrences, HashOfName>;

Contents count_contents(std::span<const PageNames> guests) {
  Contents contents;
  for (const PageNames& names : guests) {
    for (const PageName& name : names) {
      if (name) ++contents[*name].pages;
    }
  }
  return contents;
}

void append(std::vector<SetRun>& runs, std::uint64_t page, std::optional<std::uint64_t> frame) {
  if (!runs.empty()) {
    SetRun& last = runs.back();
    const bool is_next = frame ? last.frame && *last.frame + last.count == *frame : !last.frame;
    if (is_next && last.page + last.count == page) {
      ++last.count;
      return;
    }
  }
  runs.push_back({page, 1, frame});
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

MemorySet memory_set_of(std::span<const PageNames> guests) {
  MemorySet set;
  SetFigures& figures = set.figures;
  figures.guests = guests.size();
  Contents contents = count_contents(guests);
  for (const PageNames& names : guests) {
    std::vector<SetRun>& runs = set.guests.emplace_back();
    figures.pages += names.size();
    for (std::uint64_t page = 0; page < names.size(); ++page) {
      if (!names[page]) {
        ++figures.zero_pages;
        append(runs, page, {});
        continue;
      }
      Occurrences& content = contents[*names[page]];
      if (content.pages == 1) {
        ++figures.unique_pages;
        continue;
      }
      ++figures.shared_pages;
      if (!content.frame) content.frame = figures.frames++;
      append(runs, page, content.frame);
    }
    for (const SetRun& run : runs) figures.runs += run.frame ? 1U : 0U;
  }
  return set;
}

std::string text_of(const SetFigures& set) {
  const double length =
      set.runs == 0 ? 0 : static_cast<double>(set.shared_pages) / static_cast<double>(set.runs);
  return fmt::format(
      "{} guests, {} pages: {} zero ({:.1f} %), {} unique ({:.1f} %),\n"
      "{} shared ({:.1f} %) over {} frames in {} runs of {:.1f}",
      set.guests, set.pages, set.zero_pages, share(set.zero_pages, set.pages), set.unique_pages,
      share(set.unique_pages, set.pages), set.shared_pages, share(set.shared_pages, set.pages), set.frames,
      set.runs, length);
}

nlohmann::json json_of(const SetFigures& set) {
  return {{"guests", set.guests},
          {"pages", set.pages},
          {"zero_pages", set.zero_pages},
          {"shared_pages", set.shared_pages},
          {"frames", set.frames},
          {"unique_pages", set.unique_pages},
          {"runs", set.runs},
          {"saved_pages", set.saved_pages()}};
}

}  // namespace samepage::bench
