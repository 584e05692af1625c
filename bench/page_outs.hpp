// SPDX-License-Identifier: Apache-2.0
// What cases do with pages that go out to a paging file: a daemon that has one, and guests that are sent
// there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench.hpp"
#include "bench/holder.hpp"
#include "bench/samepage_engine.hpp"

namespace samepage::bench {

/// A folder on the disk that is measured, and the words of a daemon for a paging file in it that takes as
/// much as goes out.
class PagingFolder {
 public:
  explicit PagingFolder(const Options& options) : folder_(options.disk) {}

  [[nodiscard]] const std::string& path() const { return folder_.path(); }
  [[nodiscard]] std::string spec() const { return path() + "/paging,initial=0,max=64G"; }
  [[nodiscard]] std::vector<std::string> words() const { return {"--paging-file", spec()}; }

 private:
  TemporaryDirectory folder_;
};

/// All pages of these guests are asked to go out.
void begin_page_out(std::span<Holder> holders);
/// Returns when none of them has any under way; how many have left memory.
std::uint64_t finish_page_out(std::span<Holder> holders);

/// p50 and p99 of times in ns, as rows in us.
void add_times(Bench& bench, std::string_view name, const std::string& figure,
               const std::vector<double>& nanoseconds);

}  // namespace samepage::bench
