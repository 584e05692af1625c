// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.hpp"
#include "base/units.hpp"
#include "manage/analyze/count.hpp"

namespace samepage::analyze {
namespace {

// So many are hashed, then looked up: they fit into a core's own cache, and so do the slots they need.
constexpr std::size_t batch_pages = 64;

}  // namespace

Analysis::Analysis(std::uint64_t memory_limit)
    : memory_limit_(memory_limit), secret_(dedup::random_digest_secret()) {}

void Analysis::begin_file() {
  reserve(1);
  log_.begin_file();
  sets_.begin_file();
}

void Analysis::add_pages(std::span<const std::byte> pages) {
  while (!pages.empty()) {
    const std::size_t bytes = std::min(pages.size(), batch_pages * page_size);
    add_batch(pages.first(bytes));
    pages = pages.subspan(bytes);
  }
}

void Analysis::add_hole(PageCount pages) {
  if (pages.value == 0) return;
  reserve(1);
  log_.add_hole(pages.value);
}

void Analysis::add_gap() {
  reserve(1);
  log_.part();
}

std::uint64_t Analysis::memory_bytes() const {
  return contents_.memory_bytes() + contents_.size() * sizeof(FileSets::Set) + sets_.memory_bytes() +
         log_.memory_bytes();
}

void Analysis::add_batch(std::span<const std::byte> pages) {
  const std::size_t count = pages.size() / page_size;
  reserve(count);
  std::array<WideHash, batch_pages> hashes;
  std::array<bool, batch_pages> zero;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* const page = pages.data() + i * page_size;
    zero[i] = dedup::is_zero_page(page);
    if (zero[i]) continue;
    hashes[i] = dedup::wide_hash_of_page(page, secret_.data());
    contents_.prefetch_slot(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!zero[i]) contents_.prefetch_hash(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (zero[i]) {
      log_.add_zero(1);
      continue;
    }
    const std::uint32_t content = contents_.number_of(hashes[i]);
    set_of_[content] = sets_.with_current(set_of_[content]);
    log_.add(content);
  }
}

void Analysis::reserve(std::uint64_t pages) {
  if (contents_.size() > std::numeric_limits<std::uint32_t>::max() - 2 * batch_pages) {
    throw UserError("there are more than 2^32 distinct pages (16 TiB); analyze fewer files at once");
  }
  constexpr std::uint64_t words = 2 * sizeof(PageLog::Word);
  const std::uint64_t more = contents_.growth_bytes(pages) + pages * (sizeof(FileSets::Set) + words);
  if (memory_bytes() + more > memory_limit_) {
    throw UserError(
        fmt::format("{} of memory are not enough for the {} distinct pages so far; allow more with --memory, "
                    "or analyze fewer files at once",
                    format_size(memory_limit_), contents_.size()));
  }
  contents_.make_room(pages);
  set_of_.grow(contents_.size() + pages);
  log_.make_room(pages);
}

Figures Analysis::finish(const std::function<void()>& pulse) {
  const std::uint32_t contents = contents_.size();
  contents_ = ContentTable();  // what is counted now takes the place of the hashes
  return count_figures(log_, sets_, {contents == 0 ? nullptr : &set_of_[0], contents}, pulse);
}

}  // namespace samepage::analyze
