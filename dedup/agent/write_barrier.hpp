// SPDX-License-Identifier: Apache-2.0
// How the agent holds a guest still. The engine knows nothing of vCPUs: whoever runs the guest implements
// this.
#pragma once

namespace samepage::dedup {

/// Holds everything that can write a guest's memory: vCPUs, device threads, I/O in flight.
class WriteBarrier {
 public:
  virtual ~WriteBarrier() = default;
  /// Returns once nothing can write the guest's memory, and nothing will until release(). Called by one
  /// thread at a time, never nested. Works also for a guest that is paused, halted or has stopped.
  virtual void hold() = 0;
  /// Lets the guest go on.
  virtual void release() = 0;
  /// The guest does not run from now on, until go_on(): there is hardly any memory left for what it writes.
  /// Independent of hold(), which works meanwhile as ever.
  virtual void stand_still() {}
  virtual void go_on() {}
  /// Asked at the end of a hold: whether anything of the guest has waited for it, and runs as soon as it may.
  [[nodiscard]] virtual bool keeps_waiting() const { return true; }
  /// Whether the guest has threads at all. They get a turn between two holds, so that one that could not say
  /// that it waits, since it slept, is not kept out by one hold after the other.
  [[nodiscard]] virtual bool has_threads() const { return true; }
};

/// The proof that a guest is held, for as long as the value lives; whoever replaces pages asks for it.
class PausedGuest {
 public:
  explicit PausedGuest(WriteBarrier& barrier) : barrier_(barrier) { barrier_.hold(); }
  ~PausedGuest() { barrier_.release(); }
  PausedGuest(const PausedGuest&) = delete;
  PausedGuest& operator=(const PausedGuest&) = delete;

 private:
  WriteBarrier& barrier_;
};

}  // namespace samepage::dedup
