// SPDX-License-Identifier: Apache-2.0
// The pages of an image that is being loaded: where each one's bytes are, and what has become of it so far.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/image_placer.hpp"

namespace samepage::dedup {

class ImagePages {
 public:
  enum class State : std::uint8_t {
    missing,  // guest memory does not hold it yet
    offered,  // neither, and the daemon knows its digest
    granted,  // neither, and a frame was granted
    placed,   // guest memory holds it
  };

  /// Pages that follow each other in the image and in one region of RAM.
  struct Run {
    PageRange pages;
    const std::byte* bytes = nullptr;
    std::size_t first_state = 0;
  };

  /// `parts` as place() gets them. The bytes must outlive this.
  ImagePages(const GuestPages& pages, std::span<const ImagePart> parts);

  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }
  /// The run that `page` is in; null for a page that is none of the image's.
  [[nodiscard]] const Run* run_of(PageIndex page) const;
  [[nodiscard]] static const std::byte* bytes_of(const Run& run, PageIndex page) {
    return run.bytes + PageCount{page - run.pages.first}.bytes();
  }
  State& state(const Run& run, PageIndex page) { return states_[run.first_state + (page - run.pages.first)]; }

  /// Copies what is not in place to guest memory.
  void copy_rest(const GuestPages& pages);

 private:
  std::vector<Run> runs_;
  std::vector<State> states_;
};

}  // namespace samepage::dedup
