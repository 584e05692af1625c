// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_spans.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

TEST(PageSpans, CoverAllPagesOnceAndAreCutWhereSomethingChanges) {
  std::byte nothing{};
  // Two regions of 10 pages; their memory is not touched.
  const GuestPages pages({{Gfn{0}, PageCount{10}, &nothing}, {Gfn{100}, PageCount{10}, &nothing}});
  const std::vector<BackedRun> backed{{{{2}, 4}, 0x1000},
                                      {{{8}, 4}, 0x9000}};  // the second lies in both regions
  const std::vector<PageRange> mapped{{{3}, 2}, {{9}, 6}};
  EXPECT_EQ(spans_of(pages, backed, mapped), (std::vector<PageSpan>{
                                                 {{{0}, 2}, nullptr, false},
                                                 {{{2}, 1}, &backed[0], false},
                                                 {{{3}, 2}, &backed[0], true},
                                                 {{{5}, 1}, &backed[0], false},
                                                 {{{6}, 2}, nullptr, false},
                                                 {{{8}, 1}, &backed[1], false},
                                                 {{{9}, 1}, &backed[1], true},
                                                 {{{10}, 2}, &backed[1], true},
                                                 {{{12}, 3}, nullptr, false},
                                                 {{{15}, 5}, nullptr, false},
                                             }));
}

TEST(PageSpans, WithoutABackingThereIsOneOfEachRegion) {
  std::byte nothing{};
  const GuestPages pages({{Gfn{0}, PageCount{10}, &nothing}});
  EXPECT_EQ(spans_of(pages, {}, {}), (std::vector<PageSpan>{{{{0}, 10}, nullptr, false}}));
}

}  // namespace
}  // namespace samepage::dedup
