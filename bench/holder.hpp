// SPDX-License-Identifier: Apache-2.0
// A process that holds one guest's memory, seen from the bench. Ours and ksmd's runs use the same process
// with the same memory at the same place in it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/unique_fd.hpp"
#include "bench/child.hpp"
#include "bench/image.hpp"

namespace samepage::bench {

class Holder {
 public:
  /// Starts the process; it fills its memory while the constructor of the next one runs.
  Holder(const Image& image, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] PageCount pages() const { return pages_; }

  /// {"do": ...} of held_guest.cpp, and its answer. Throws UserError when the process has ended.
  nlohmann::json ask(const nlohmann::json& request);
  /// Waits until the memory is filled.
  void wait_until_loaded();
  /// What the process has used for merging: its first thread, which fills memory and writes it when asked, is
  /// left out.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
  /// Bytes of its page tables.
  [[nodiscard]] std::uint64_t page_tables() const;

 private:
  std::string name_;
  PageCount pages_;
  UniqueFd socket_;
  Child child_;
};

using Holders = std::vector<Holder>;

/// One holder for each image, filled.
Holders hold(const std::vector<Image>& images);

}  // namespace samepage::bench
