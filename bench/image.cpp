// SPDX-License-Identifier: Apache-2.0
#include "bench/image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <random>
#include <span>

#include "base/check.hpp"
#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "manage/analyze/file_kind.hpp"
#include "manage/cli/duplicates.hpp"

namespace samepage::bench {
namespace {

// splitmix64: every number gives another well-mixed one.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

struct Run {
  Content kind;
  std::uint64_t first;
  std::uint64_t count;
};

// Lengths of runs one after the other. The same `stream` has the same ones again.
class Lengths {
 public:
  Lengths(RunLengths kind, std::uint32_t mean, std::uint64_t stream)
      : kind_(kind), mean_(mean), random_(mix(stream)) {}

  std::uint64_t next() {
    if (kind_ == RunLengths::fixed || mean_ == 1) return mean_;
    // Geometric: each page is the last one of its run with the same probability.
    constexpr double words = 18'446'744'073'709'551'616.0;
    const double chance = (static_cast<double>(random_()) + 1) / words;
    return 1 + static_cast<std::uint64_t>(std::log(chance) / std::log(1 - 1.0 / mean_));
  }

 private:
  RunLengths kind_;
  std::uint32_t mean_;
  std::mt19937_64 random_;
};

void append_runs(std::vector<Run>& runs, Content kind, std::uint64_t pages, Lengths lengths) {
  for (std::uint64_t first = 0; first < pages;) {
    const std::uint64_t count = std::min(lengths.next(), pages - first);
    runs.push_back({kind, first, count});
    first += count;
  }
}

// One word of the page, another one in each page that is alike.
void differ(std::byte* page, std::uint64_t number) {
  const std::size_t at = mix(number) % (page_size / sizeof(number)) * sizeof(number);
  std::uint64_t word = 0;
  std::memcpy(&word, page + at, sizeof(word));
  word ^= number;
  std::memcpy(page + at, &word, sizeof(word));
}

void require_raw(int fd, const std::string& path) {
  std::array<std::byte, analyze::beginning_bytes> bytes{};
  const ssize_t got = check(::pread(fd, bytes.data(), bytes.size(), 0), "read of " + path);
  const analyze::FileType type = analyze::file_type(std::span(bytes).first(static_cast<std::size_t>(got)));
  if (type.kind == analyze::FileKind::raw) return;
  throw UserError(fmt::format(
      "the image {} is {}, not raw RAM; 'samepage dump' writes raw RAM, and so do QEMU's 'pmemsave' and "
      "images/make-linux-images",
      path, type.name));
}

UniqueFd open_image(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    throw UserError(
        fmt::format("the image {} can't be read: {}; see images/make-linux-images, or leave images out to "
                    "generate some",
                    path, std::strerror(errno)));
  return file;
}

}  // namespace

void check_shares(const ImagePattern& pattern) {
  const double least =
      std::min({pattern.zero_percent, pattern.common_percent, pattern.alike_percent, pattern.own_percent});
  const double sum =
      pattern.zero_percent + pattern.common_percent + pattern.alike_percent + pattern.own_percent;
  if (least < 0 || std::abs(sum - 100) > 0.01 || pattern.run_length == 0 || pattern.zero_run_length == 0) {
    throw UserError(
        "zero, common, alike and own pages of a set are percentages that add up to 100; runs have a length");
  }
}

std::vector<PageContent> layout_of(const ImagePattern& pattern, std::uint32_t guest) {
  check_shares(pattern);
  const auto share = [&](double percent) {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(pattern.pages.value) * percent / 100));
  };
  const std::uint64_t zero = share(pattern.zero_percent);
  const std::uint64_t common = std::min(share(pattern.common_percent), pattern.pages.value - zero);
  const std::uint64_t alike = std::min(share(pattern.alike_percent), pattern.pages.value - zero - common);
  const auto lengths = [&](Content kind, std::uint32_t mean) {
    return Lengths(pattern.lengths, mean, 4 * pattern.seed + static_cast<std::uint64_t>(kind));
  };
  std::vector<Run> runs;
  append_runs(runs, Content::zero, zero, lengths(Content::zero, pattern.zero_run_length));
  append_runs(runs, Content::common, common, lengths(Content::common, pattern.run_length));
  append_runs(runs, Content::alike, alike, lengths(Content::alike, pattern.run_length));
  append_runs(runs, Content::own, pattern.pages.value - zero - common - alike,
              lengths(Content::own, pattern.run_length));
  std::mt19937_64 random(mix(pattern.seed) + guest);
  std::shuffle(runs.begin(), runs.end(), random);

  std::vector<PageContent> pages;
  for (const Run& run : runs) {
    const bool by_guest = run.kind == Content::own || run.kind == Content::alike;
    const std::uint64_t base = by_guest ? (std::uint64_t{guest} + 1) << 32 : 0;
    for (std::uint64_t i = 0; i < run.count; ++i) pages.push_back({run.kind, base + run.first + i});
  }
  return pages;
}

void fill_page(std::byte* to, const PageContent& content, const ImagePattern& pattern) {
  if (content.kind == Content::zero) {
    std::memset(to, 0, page_size);
    return;
  }
  // Numbers of own and alike pages begin at 2^32, common ones stay below. A page that is alike is a common
  // one but for a word.
  const bool is_alike = content.kind == Content::alike;
  const std::uint64_t number = is_alike ? content.number & 0xffff'ffffU : content.number;
  std::uint64_t word = mix(mix(pattern.seed) ^ number) | 1U;
  for (std::size_t at = 0; at < page_size; at += sizeof(word)) {
    word ^= word << 13, word ^= word >> 7, word ^= word << 17;
    std::memcpy(to + at, &word, sizeof(word));
  }
  if (is_alike) differ(to, content.number);
}

Image::Image(std::string path) : path_(std::move(path)) {
  struct stat info {};
  const UniqueFd file = open_image(path_);
  check(::fstat(file.get(), &info), "fstat");
  if (!S_ISREG(info.st_mode)) throw UserError(fmt::format("the image {} is not a file of bytes", path_));
  require_raw(file.get(), path_);
  pages_ = pages_in(static_cast<std::uint64_t>(info.st_size));
  if (pages_.value == 0) throw UserError(fmt::format("the image {} is smaller than a page", path_));
}

Image::Image(ImagePattern pattern, std::uint32_t guest)
    : pattern_(pattern), guest_(guest), pages_(pattern.pages) {
  check_shares(pattern);
}

void Image::load(std::byte* to) const {
  if (path_.empty()) {
    for (const PageContent& page : layout_of(pattern_, guest_)) {
      fill_page(to, page, pattern_);
      to += page_size;
    }
    return;
  }
  const UniqueFd file = open_image(path_);
  for (std::uint64_t done = 0; done < pages_.bytes();) {
    const ssize_t got = check(::pread(file.get(), to + done, pages_.bytes() - done, static_cast<off_t>(done)),
                              "read of an image");
    if (got == 0) throw UserError(fmt::format("the image {} has become shorter", path_));
    done += static_cast<std::uint64_t>(got);
  }
}

std::vector<std::uint32_t> Image::pages_with(Content kind) const {
  std::vector<std::uint32_t> found;
  if (!path_.empty()) return found;
  std::uint32_t number = 0;
  for (const PageContent& page : layout_of(pattern_, guest_)) {
    if (page.kind == kind) found.push_back(number);
    ++number;
  }
  return found;
}

std::uint64_t count_sharable(const std::vector<Image>& images) {
  std::vector<Mapping> copies;
  std::vector<const std::byte*> pages;
  for (const Image& image : images) {
    copies.push_back(Mapping::anonymous(image.pages().bytes()));
    image.load(copies.back().data());
    for (std::uint64_t page = 0; page < image.pages().value; ++page) {
      pages.push_back(copies.back().data() + PageCount{page}.bytes());
    }
  }
  return cli::count_duplicates(std::move(pages)).all();
}

}  // namespace samepage::bench
