// SPDX-License-Identifier: Apache-2.0
// A guest that writes all the time, on a thread of its own, while its pages are merged and broken as fast as
// it goes. Every word is checked at every visit against a count that is kept elsewhere: a lost write shows.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/json.hpp"
#include "base/pipe.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {
namespace {

// Holds a guest whose "vCPU" is a thread that takes this lock for each of its steps.
class LockBarrier final : public WriteBarrier {
 public:
  void hold() override { lock_.lock(); }
  void release() override { lock_.unlock(); }
  std::mutex& lock() { return lock_; }

 private:
  std::mutex lock_;
};

constexpr std::size_t pages = 64;
constexpr std::size_t words = page_size / 8;

class Writer {
 public:
  Writer() { ::madvise(ram_.data(), ram_.size(), MADV_NOHUGEPAGE); }

  [[nodiscard]] MemoryRegion region() const { return {Gfn{0}, PageCount{pages}, ram_.data()}; }
  LockBarrier& barrier() { return barrier_; }
  [[nodiscard]] std::uint64_t visits() const { return visits_; }
  [[nodiscard]] bool lost_a_write() const { return lost_; }

  // Until told to stop: a page is checked whole, then written word by word; the guest may be held between any
  // two.
  void run(const std::atomic<bool>& stop) {
    std::uint64_t random = 88172645463325252U;
    while (!stop && !lost_) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      const std::size_t page = random % pages;
      const std::uint64_t before = content(counts_[page]++);
      const std::uint64_t after = content(counts_[page]);
      for (std::size_t word = 0; word < words; ++word) {
        const std::lock_guard step(barrier_.lock());
        volatile std::uint64_t& place = at(page, word);
        if (place != before) lost_ = true;
        place = after;
      }
      ++visits_;
      if (visits_ % 8 == 0) std::this_thread::yield();
    }
  }

 private:
  static std::uint64_t content(std::uint64_t count) {
    return count % 4 * 0x0101010101010101U;
  }  // zero among them
  // SAFETY: within ram_, aligned; read and written by this thread, replaced by equal bytes under the barrier.
  [[nodiscard]] volatile std::uint64_t& at(std::size_t page, std::size_t word) const {
    return reinterpret_cast<volatile std::uint64_t*>(ram_.data())[page * words + word];
  }

  Mapping ram_ = Mapping::anonymous(pages * page_size);
  std::array<std::uint64_t, pages> counts_{};
  LockBarrier barrier_;
  std::atomic<std::uint64_t> visits_ = 0;
  std::atomic<bool> lost_ = false;
};

TEST(Writer, NoWriteIsLostWhileItsPagesAreMergedAndBroken) {
  Fleet fleet;
  Writer writer;
  Pipe process = make_pipe();
  Worker worker({"writer", "default", Sharing::all, ""}, {writer.region()}, writer.barrier());
  UniqueFd socket = fleet.dial(std::move(process.reading));
  std::atomic<bool> joined = false, stop = false;
  std::thread joining([&] {
    worker.connect(std::move(socket));
    joined = true;
  });
  step_until(
      "the writer has joined", [&] { fleet.poll_daemon(); }, [&] { return joined.load(); });
  joining.join();

  std::thread guest([&] { writer.run(stop); });
  while (!writer.lost_a_write() && worker.connected() &&
         (worker.counters().merges < 3000 || worker.counters().breaks < 3000)) {
    worker.run_pass();
    for (int i = 0; i < 3; ++i) {
      fleet.poll_daemon();
      worker.handle_messages();
    }
  }
  stop = true;
  guest.join();
  EXPECT_TRUE(worker.connected()) << "the daemon has cut the agent off";
  EXPECT_FALSE(writer.lost_a_write()) << "after " << writer.visits() << " visits";
}

}  // namespace
}  // namespace samepage::dedup
