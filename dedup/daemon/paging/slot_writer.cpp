// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/slot_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/confinement.hpp"
#include "base/file_bytes.hpp"
#include "base/thread_setup.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

std::uint64_t bytes_of(const SlotWriter::Job& job) {
  std::uint64_t bytes = 0;
  for (const SlotWriter::Run& run : job.runs) bytes += run.bytes.size();
  return bytes;
}

// Waits until [offset, offset + size) is on the disk. 0, or an errno: the first since the last call for this
// descriptor, also where the kernel wrote on its own before.
int bring_to_disk(int fd, std::uint64_t offset, std::uint64_t size) {
  if (fault_fails("slot-syncing")) return errno;
  // With all three the kernel leaves out no page; a lone WRITE may leave out those that are under way.
  constexpr unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  while (::sync_file_range(fd, static_cast<off64_t>(offset), static_cast<off64_t>(size), all) != 0) {
    if (errno == EINTR) continue;
    if (errno != ESPIPE && errno != ENOSYS && errno != EINVAL) return errno;
    while (::fdatasync(fd) != 0) {
      if (errno != EINTR) return errno;
    }
    return 0;
  }
  return 0;
}

}  // namespace

SlotWriter::SlotWriter(std::shared_ptr<WriteRate> rate)
    : rate_(std::move(rate)), thread_([this] { run(); }) {}

SlotWriter::~SlotWriter() {
  {
    const std::lock_guard guard(lock_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SlotWriter::add(Job job) {
  {
    const std::lock_guard guard(lock_);
    const std::uint64_t bytes = bytes_of(job);
    jobs_.push_back(std::move(job));
    waiting_bytes_ += bytes;
  }
  changed_.notify_one();
}

std::uint64_t SlotWriter::waiting_bytes() const {
  const std::lock_guard guard(lock_);
  return waiting_bytes_;
}

void SlotWriter::run() {
  prepare_thread("paging writer");
  confine_thread(ThreadKind::writer);
  for (;;) {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    const std::uint64_t bytes = bytes_of(jobs_.front());
    if (!wait_for_turn(guard, bytes)) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    guard.unlock();

    const int error = write(job);
    fault_point("slot-written");
    job.runs = {};  // memory is short
    guard.lock();
    waiting_bytes_ -= bytes;
    guard.unlock();
    if (job.done) job.done(error);
  }
}

// False when it is to end.
bool SlotWriter::wait_for_turn(std::unique_lock<std::mutex>& guard, std::uint64_t bytes) {
  const WriteRate::Clock::time_point start = rate_->begin(bytes, WriteRate::Clock::now());
  return !changed_.wait_until(guard, start, [this] { return ending_; });
}

int SlotWriter::write(const Job& job) {
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t end = 0;
  for (const Run& run : job.runs) {
    if (run.bytes.empty()) continue;
    if (fault_fails("slot-writing") || !write_fully(job.slots->get(), run.offset, run.bytes)) return errno;
    first = std::min(first, run.offset);
    end = std::max<std::uint64_t>(end, run.offset + run.bytes.size());
  }
  // What lies between the runs is clean: nobody else writes the file.
  return first < end ? bring_to_disk(job.slots->get(), first, end - first) : 0;
}

}  // namespace samepage::dedup
