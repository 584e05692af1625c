// SPDX-License-Identifier: Apache-2.0
// Reads of memory that a running guest may be writing: what is read is a hint, and whoever acts on it
// compares every byte again while the guest is held. A thread sanitizer would report them.
#pragma once

#ifdef __SANITIZE_THREAD__
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
#endif

namespace samepage {

/// While one is there, the thread sanitizer does not look at what this thread reads; nothing at all in other
/// builds. A suppression by the reader's name won't do: it is lost with the stack of a read that is long ago.
class [[maybe_unused]] RacingReads {
 public:
#ifdef __SANITIZE_THREAD__
  RacingReads() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~RacingReads() {
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  RacingReads() = default;
  ~RacingReads() = default;
#endif
  RacingReads(const RacingReads&) = delete;
  RacingReads& operator=(const RacingReads&) = delete;
};

}  // namespace samepage
