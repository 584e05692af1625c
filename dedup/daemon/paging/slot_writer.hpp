// SPDX-License-Identifier: Apache-2.0
// Writes slots, on a thread of its own for each paging file, so that a disk that is slow or hangs holds up
// nobody but the pages that wait for it. What it says was written is on the disk and can be dropped from the
// page cache: errors that the kernel finds only then are told too.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "dedup/daemon/paging/write_rate.hpp"

namespace samepage::dedup {

class SlotWriter {
 public:
  struct Run {
    std::uint64_t offset = 0;  // in the slot file
    std::vector<std::byte> bytes;
  };
  struct Job {
    std::shared_ptr<const UniqueFd> slots;  // the file
    std::vector<Run> runs;
    std::function<void(int error)> done;  // called by the writer's thread; 0, or an errno
  };

  /// `rate` bounds it together with others.
  explicit SlotWriter(std::shared_ptr<WriteRate> rate = std::make_shared<WriteRate>());
  /// Waits for the job that is under way; those behind it are dropped without a word.
  ~SlotWriter();
  SlotWriter(const SlotWriter&) = delete;
  SlotWriter& operator=(const SlotWriter&) = delete;

  /// Jobs are done one after the other. Any thread.
  void add(Job job);
  /// Bytes of jobs that are not done.
  [[nodiscard]] std::uint64_t waiting_bytes() const;

 private:
  void run();
  [[nodiscard]] bool wait_for_turn(std::unique_lock<std::mutex>& guard, std::uint64_t bytes);
  [[nodiscard]] static int write(const Job& job);

  std::shared_ptr<WriteRate> rate_;
  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::uint64_t waiting_bytes_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace samepage::dedup
