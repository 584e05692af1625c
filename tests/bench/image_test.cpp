// SPDX-License-Identifier: Apache-2.0
// Generated sets hold what was asked for, and the count of what can be shared is that of a plain comparison.
#include "bench/image.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"

namespace samepage::bench {
namespace {

ImagePattern pattern_of(double zero, double common, double own) {
  ImagePattern pattern;
  pattern.pages = PageCount{4000};
  pattern.zero_percent = zero, pattern.common_percent = common, pattern.own_percent = own;
  return pattern;
}

std::int64_t count(const std::vector<PageContent>& pages, Content kind) {
  return std::count_if(pages.begin(), pages.end(),
                       [&](const PageContent& page) { return page.kind == kind; });
}

using Bytes = std::array<std::byte, page_size>;
Bytes bytes_of(const PageContent& content, const ImagePattern& pattern) {
  Bytes bytes{};
  fill_page(bytes.data(), content, pattern);
  return bytes;
}

TEST(GeneratedImage, HasTheSharesThatWereAskedFor) {
  for (const auto& [zero, common, own] :
       {std::array{50.0, 35.0, 15.0}, std::array{0.0, 100.0, 0.0}, std::array{12.5, 0.0, 87.5}}) {
    const auto pages = layout_of(pattern_of(zero, common, own), 0);
    EXPECT_EQ(pages.size(), 4000U);
    EXPECT_EQ(count(pages, Content::zero), static_cast<std::int64_t>(40 * zero));
    EXPECT_EQ(count(pages, Content::common), static_cast<std::int64_t>(40 * common));
    EXPECT_EQ(count(pages, Content::own), static_cast<std::int64_t>(40 * own));
  }
}

TEST(GeneratedImage, SharesAreRefusedThatDoNotAddUp) {
  EXPECT_THROW(layout_of(pattern_of(50, 50, 50), 0), UserError);
  EXPECT_THROW(layout_of(pattern_of(-10, 95, 15), 0), UserError);
  ImagePattern pattern;
  pattern.run_length = 0;
  EXPECT_THROW(layout_of(pattern, 0), UserError);
  EXPECT_THROW(Image(pattern, 0), UserError);
}

TEST(GeneratedImage, GuestsHaveTheSameCommonPagesAndNoOwnPageTwice) {
  const ImagePattern pattern = pattern_of(50, 35, 15);
  std::multiset<std::uint64_t> common, own;
  for (const std::uint32_t guest : {0U, 1U, 2U}) {
    for (const PageContent& page : layout_of(pattern, guest)) {
      if (page.kind == Content::common) common.insert(page.number);
      if (page.kind == Content::own) own.insert(page.number);
    }
  }
  for (const std::uint64_t number : common) ASSERT_EQ(common.count(number), 3U);
  for (const std::uint64_t number : own) ASSERT_EQ(own.count(number), 1U);
}

// A run that every guest has goes on from each page to the next; only at its end does the order differ.
TEST(GeneratedImage, RunsHaveTheLengthThatWasAskedFor) {
  ImagePattern pattern = pattern_of(0, 100, 0);
  pattern.run_length = 5;
  const auto pages = layout_of(pattern, 7);
  for (std::size_t page = 0; page < pages.size(); page += 5) {
    ASSERT_EQ(pages[page].number % 5, 0U);
    for (std::size_t i = 1; i < 5; ++i) ASSERT_EQ(pages[page + i].number, pages[page].number + i);
  }
  std::size_t neighbours = 0;
  for (std::size_t page = 5; page < pages.size(); page += 5) {
    if (pages[page].number == pages[page - 1].number + 1) ++neighbours;
  }
  EXPECT_LT(neighbours, 80U) << "the runs of a guest are hardly shuffled";
}

// Lengths of the runs of common pages, in the order of their numbers.
std::vector<std::uint64_t> common_runs(const ImagePattern& pattern) {
  std::vector<PageContent> pages = layout_of(pattern, 0);
  std::vector<std::uint64_t> starts;
  std::uint64_t expected = ~std::uint64_t{0}, count = 0;
  for (const PageContent& page : pages) {
    if (page.kind != Content::common) {
      expected = ~std::uint64_t{0};
      continue;
    }
    ++count;
    if (page.number != expected) starts.push_back(page.number);
    expected = page.number + 1;
  }
  std::sort(starts.begin(), starts.end());
  std::vector<std::uint64_t> lengths;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    lengths.push_back((i + 1 < starts.size() ? starts[i + 1] : count) - starts[i]);
  }
  return lengths;
}

TEST(GeneratedImage, SpreadRunsHaveTheirLengthOnTheAverageAndMostAreShorter) {
  ImagePattern pattern = pattern_of(20, 60, 20);
  pattern.pages = PageCount{100'000};
  pattern.run_length = 6;
  pattern.lengths = RunLengths::spread;
  const auto runs = common_runs(pattern);
  const double mean = 60'000.0 / static_cast<double>(runs.size());
  EXPECT_GT(mean, 5.5);
  EXPECT_LT(mean, 6.5);
  const auto single = static_cast<double>(std::count(runs.begin(), runs.end(), 1U));
  EXPECT_NEAR(single / static_cast<double>(runs.size()), 1.0 / 6, 0.03);
  const auto shorter = std::count_if(runs.begin(), runs.end(), [](std::uint64_t run) { return run < 6; });
  EXPECT_GT(2 * static_cast<std::size_t>(shorter), runs.size());
  EXPECT_GT(*std::max_element(runs.begin(), runs.end()), 30U);
}

TEST(GeneratedImage, SpreadRunsAreTheSameInAllGuests) {
  ImagePattern pattern = pattern_of(20, 60, 20);
  pattern.lengths = RunLengths::spread;
  const std::vector<Image> images{Image(pattern, 0), Image(pattern, 1)};
  EXPECT_EQ(count_sharable(images), 2U * 800 + 2400);
}

TEST(GeneratedImage, PagesThatAreAlikeDifferInOneWord) {
  ImagePattern pattern = pattern_of(0, 50, 30);
  pattern.alike_percent = 20;
  const auto words_apart = [](const Bytes& left, const Bytes& right) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < page_size; at += 8) {
      count += std::equal(&left[at], &left[at] + 8, &right[at]) ? 0U : 1U;
    }
    return count;
  };
  std::size_t found = 0;
  for (const PageContent& page : layout_of(pattern, 3)) {
    if (page.kind != Content::alike) continue;
    ++found;
    const PageContent common{Content::common, page.number & 0xffff'ffffU};
    ASSERT_EQ(words_apart(bytes_of(page, pattern), bytes_of(common, pattern)), 1U);
  }
  EXPECT_EQ(found, 800U);
  const std::vector<Image> images{Image(pattern, 0), Image(pattern, 1), Image(pattern, 2)};
  EXPECT_EQ(count_sharable(images), 2U * 2000) << "they are never merged";
}

TEST(GeneratedImage, ZeroRunsHaveALengthOfTheirOwn) {
  ImagePattern pattern = pattern_of(50, 0, 50);
  pattern.zero_run_length = 100;
  const auto pages = layout_of(pattern, 0);
  std::size_t length = 0;
  for (const PageContent& page : pages) {
    if (page.kind == Content::zero) {
      ++length;
    } else {
      ASSERT_EQ(length % 100, 0U);
    }
  }
  EXPECT_EQ(length, 2000U);
}

TEST(GeneratedImage, GuestsAndSeedsDifferAndRepeat) {
  ImagePattern pattern = pattern_of(50, 35, 15);
  const auto numbers = [&](std::uint32_t guest) {
    std::vector<std::uint64_t> all;
    for (const PageContent& page : layout_of(pattern, guest)) all.push_back(page.number);
    return all;
  };
  const auto first = numbers(0);
  EXPECT_EQ(first, numbers(0));
  EXPECT_NE(first, numbers(1));
  pattern.seed = 2;
  EXPECT_NE(first, numbers(0));
}

TEST(GeneratedImage, EqualContentMeansEqualBytesAndNoOther) {
  const ImagePattern pattern;
  EXPECT_EQ(bytes_of({Content::zero, 3}, pattern), Bytes{});
  EXPECT_EQ(bytes_of({Content::common, 3}, pattern), bytes_of({Content::common, 3}, pattern));
  EXPECT_NE(bytes_of({Content::common, 3}, pattern), bytes_of({Content::common, 4}, pattern));
  EXPECT_NE(bytes_of({Content::common, 3}, pattern), Bytes{});
  ImagePattern other;
  other.seed = 2;
  EXPECT_NE(bytes_of({Content::common, 3}, pattern), bytes_of({Content::common, 3}, other));
}

TEST(GeneratedImage, WhatCanBeSharedIsZeroPagesAndFurtherCopies) {
  const ImagePattern pattern = pattern_of(50, 35, 15);
  const std::vector<Image> images{Image(pattern, 0), Image(pattern, 1), Image(pattern, 2)};
  EXPECT_EQ(count_sharable(images), 3U * 2000 + 2U * 1400);
}

TEST(GeneratedImage, TellsWherePagesOfAKindAre) {
  const ImagePattern pattern = pattern_of(50, 35, 15);
  const auto pages = layout_of(pattern, 1);
  const auto found = Image(pattern, 1).pages_with(Content::common);
  EXPECT_EQ(found.size(), 1400U);
  for (const std::uint32_t page : found) ASSERT_EQ(pages[page].kind, Content::common);
}

TEST(ImageFile, IsReadInWholePages) {
  std::string path = "/tmp/samepage-bench-image-XXXXXX";
  const UniqueFd file = checked_fd(::mkstemp(path.data()), "mkstemp");
  const std::string bytes = std::string(page_size, 'a') + std::string(page_size, 'b') + "rest";
  ASSERT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  const Image image(path);
  EXPECT_EQ(image.pages(), PageCount{2});
  std::vector<std::byte> memory(image.pages().bytes());
  image.load(memory.data());
  EXPECT_EQ(memory.front(), std::byte{'a'});
  EXPECT_EQ(memory.back(), std::byte{'b'});
  EXPECT_EQ(count_sharable({image, image}), 2U);
  ASSERT_EQ(::ftruncate(file.get(), 100), 0);
  EXPECT_THROW(image.load(memory.data()), UserError);
  EXPECT_THROW(Image{path}, UserError) << "smaller than a page";
  ::unlink(path.c_str());
}

TEST(ImageFile, OneThatIsNotRawRamIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/image";
  const auto complaint = [&](const std::string& beginning) {
    std::ofstream(path, std::ios::binary) << beginning + std::string(2 * page_size, 'x');
    try {
      const Image image(path);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("it can be used");
  };
  EXPECT_EQ(complaint("raw"), "it can be used");
  EXPECT_NE(complaint("\x7f"
                      "ELF\x02\x01\x01")
                .find("core"),
            std::string::npos);
  EXPECT_NE(complaint("QFI\xfb").find("qcow2"), std::string::npos);
  EXPECT_NE(complaint("\x28\xb5\x2f\xfd").find("zstd"), std::string::npos);
}

}  // namespace
}  // namespace samepage::bench
