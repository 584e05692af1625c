// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/image_pages.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "dedup/digest.hpp"

namespace samepage::dedup {

ImagePages::ImagePages(const GuestPages& pages, std::span<const ImagePart> parts) {
  std::size_t count = 0;
  for (const ImagePart& part : parts) {
    std::span<const std::byte> rest = part.bytes;
    invariant(rest.size() % page_size == 0, "a part of an image is no multiple of the page size");
    for (Gfn first = part.first; !rest.empty();) {
      const auto page = pages.page_of(first);
      invariant(page.has_value(), "a part of an image is outside RAM");
      invariant(runs_.empty() || runs_.back().pages.end() <= *page, "parts of an image are not in order");
      const std::uint64_t room = pages.region_of(*page).pages.end() - *page;
      const auto length = static_cast<std::uint32_t>(std::min(room, pages_in(rest.size()).value));
      runs_.push_back({{*page, length}, rest.data(), count});
      count += length;
      first = first + PageCount{length};
      rest = rest.subspan(PageCount{length}.bytes());
    }
  }
  states_.resize(count, State::missing);
}

const ImagePages::Run* ImagePages::run_of(PageIndex page) const {
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), page,
                                      [](auto p, const Run& run) { return p < run.pages.first; });
  if (after == runs_.begin() || !std::prev(after)->pages.contains(page)) return nullptr;
  return &*std::prev(after);
}

void ImagePages::copy_rest(const GuestPages& pages) {
  for (const Run& run : runs_) {
    for (const PageIndex page : run.pages) {
      if (std::exchange(state(run, page), State::placed) == State::placed) continue;
      const std::byte* const bytes = bytes_of(run, page);
      if (!is_zero_page(bytes)) std::memcpy(pages.host(page), bytes, page_size);
    }
  }
}

}  // namespace samepage::dedup
