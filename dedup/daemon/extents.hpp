// SPDX-License-Identifier: Apache-2.0
// Numbers in use and free, kept as runs: what gives out the frames of a store and the page numbers of a
// domain. Pure: no memory behind it. Not for several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace samepage::dedup {

/// Gives out numbers from 0 up to a limit and takes them back.
class Extents {
 public:
  explicit Extents(std::uint32_t limit) : limit_(limit) {}

  /// One number: `wanted` when it is free, so that neighbours get neighbours; else the start of a run that
  /// leaves room for more, else a new highest one. Empty when all are in use, or all below `most`.
  std::optional<std::uint32_t> allocate_near(std::uint32_t wanted) { return allocate_near(wanted, limit_); }
  std::optional<std::uint32_t> allocate_near(std::uint32_t wanted, std::uint32_t most);
  /// One number, anywhere: drawn from 2^20, or from twice as many as are in use, or more. Empty when all are
  /// in use.
  std::optional<std::uint32_t> allocate_anywhere(const std::function<std::uint64_t()>& random);
  /// `count` numbers in a row; the first of them. Empty when there is no such run.
  std::optional<std::uint32_t> allocate_run(std::uint32_t count);
  /// Takes back [first, first + count), which must be in use.
  void release(std::uint32_t first, std::uint32_t count);

  /// The first run of free numbers below end() that ends behind `from`, as (first, count).
  [[nodiscard]] std::optional<std::pair<std::uint32_t, std::uint32_t>> free_run(std::uint32_t from) const;
  /// Every number in use is below.
  [[nodiscard]] std::uint32_t end() const { return end_; }
  [[nodiscard]] std::uint32_t in_use() const { return end_ - free_count_; }

 private:
  using Runs = std::map<std::uint32_t, std::uint32_t>;  // first -> count, never adjacent, all below end_

  [[nodiscard]] Runs::iterator run_with(std::uint32_t number);
  std::uint32_t extend_to(std::uint32_t last);
  std::uint32_t take(Runs::iterator run, std::uint32_t first, std::uint32_t count);

  Runs free_;
  std::uint32_t limit_;
  std::uint32_t end_ = 0;
  std::uint32_t free_count_ = 0;
};

}  // namespace samepage::dedup
