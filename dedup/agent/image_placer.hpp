// SPDX-License-Identifier: Apache-2.0
// How an image gets into a guest's memory. Who loads one knows which bytes go where; whether they are copied
// or mapped from what other guests of the same image have already is the placer's business.
#pragma once

#include <cstddef>
#include <span>

#include "base/types.hpp"

namespace samepage::dedup {

/// Whole pages of an image: the page `first` and those behind it are to hold `bytes`, a multiple of the page
/// size. The bytes are the caller's; they need no alignment.
struct ImagePart {
  Gfn first;
  std::span<const std::byte> bytes;
};

class ImagePlacer {
 public:
  virtual ~ImagePlacer() = default;
  /// Makes guest memory hold the bytes of all parts, which lie in RAM, in ascending order and without
  /// overlap. Only before anything of the guest runs, and where nothing was written to its memory yet: pages
  /// of zeros are left as they are. Returns when all is in place, whatever became of the daemon.
  virtual void place(std::span<const ImagePart> parts) = 0;
};

}  // namespace samepage::dedup
