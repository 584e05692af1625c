// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/paging_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>

#include "base/check.hpp"
#include "base/units.hpp"
#include "dedup/daemon/paging/paging_file.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint64_t default_initial = std::uint64_t{64} << 20;
constexpr std::uint64_t default_max = std::uint64_t{1} << 30;
// So that no offset in a file overflows.
constexpr std::uint64_t largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 2;
constexpr std::string_view form = "PATH[,initial=SIZE][,max=SIZE]";

std::uint64_t whole_segments(std::uint64_t bytes) {
  constexpr std::uint64_t segment = PagingFile::segment_bytes;
  return (bytes + segment - 1) / segment * segment;
}

std::uint64_t size_of(std::string_view name, std::string_view value) {
  const std::optional<std::uint64_t> bytes = parse_size(value);
  if (!bytes) {
    throw UserError(
        fmt::format("{}: '{}' is not a size: use a number with K, M or G, such as 64M", name, value));
  }
  if (*bytes > largest) throw UserError(fmt::format("{}: '{}' is more than a file can hold", name, value));
  return *bytes;
}

struct Sizes {
  std::optional<std::uint64_t> initial;
  std::optional<std::uint64_t> max;
};

void read_word(std::string_view word, Sizes& sizes) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  std::optional<std::uint64_t>* const size = name == "initial" ? &sizes.initial
                                             : name == "max"   ? &sizes.max
                                                               : nullptr;
  if (size == nullptr || equals == std::string_view::npos) {
    throw UserError(fmt::format("'{}' says nothing of a paging file; use {}", word, form));
  }
  if (*size) throw UserError(fmt::format("{}= is there twice", name));
  *size = size_of(name, word.substr(equals + 1));
}

std::string absolute_path(std::string_view path) {
  if (path.empty()) throw UserError(fmt::format("a paging file needs a path; use {}", form));
  if (path.find('\0') != std::string_view::npos) throw UserError("no path has a byte 0 in it");
  const std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
  if (!absolute.has_filename()) {
    throw UserError(fmt::format("{} is a directory; name a file in it, such as {}samepage.paging",
                                absolute.string(), absolute.string()));
  }
  return absolute.string();
}

}  // namespace

PagingSpec parse_paging_spec(std::string_view text) {
  std::size_t end = std::min(text.find(','), text.size());
  PagingSpec spec;
  spec.path = absolute_path(text.substr(0, end));
  Sizes sizes;
  while (end < text.size()) {
    text.remove_prefix(end + 1);
    end = std::min(text.find(','), text.size());
    read_word(text.substr(0, end), sizes);
  }
  if (sizes.max == 0) throw UserError("max=0 leaves no room for any page; give it a size, such as max=1G");
  // A small maximum alone is no mistake.
  const std::uint64_t initial =
      sizes.initial.value_or(std::min(default_initial, sizes.max.value_or(default_max)));
  const std::uint64_t max = sizes.max.value_or(std::max(initial, default_max));
  if (max < initial) {
    throw UserError(
        fmt::format("its maximum, {}, is below its initial size, {}; make max= larger or initial= smaller",
                    format_size(max), format_size(initial)));
  }
  spec.initial = whole_segments(initial);
  spec.max = whole_segments(max);
  return spec;
}

std::string text_of(const PagingSpec& spec) {
  return fmt::format("{},initial={},max={}", spec.path, spec.initial, spec.max);
}

}  // namespace samepage::dedup
