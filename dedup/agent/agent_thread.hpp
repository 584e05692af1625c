// SPDX-License-Identifier: Apache-2.0
// The thread around the Worker: waits for its daemon, for the time of a pass (pass_schedule.hpp), and for
// whoever wakes it. Agent alone uses it; its functions and their threads are Agent's.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "base/yielding_thread.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/agent_requests.hpp"
#include "dedup/agent/break_watch.hpp"
#include "dedup/agent/memory_watch.hpp"
#include "dedup/agent/pass_schedule.hpp"
#include "dedup/agent/start_delay.hpp"
#include "dedup/agent/worker.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

class Agent::Thread {
 public:
  Thread(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier);

  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread();
  void place(std::span<const ImagePart> parts);
  void start();

  // Another thread's pages to discard: done by the agent's thread, between two parts of a pass at the latest.
  // A message that the agent is at for as long as two looks is cancelled: the daemon hangs.
  void discard(std::span<const GfnRange> ranges);
  void look_now();
  void is_backed(const Backing& backing) { worker_.is_backed(backing); }
  [[nodiscard]] bool while_still(const std::function<void(StillMemory&)>& act);
  void back(UniqueFd file, std::vector<BackedRun> runs);
  void bring_back();
  [[nodiscard]] bool begin_page_out(std::uint64_t pages, PageOutOrder order);

  [[nodiscard]] const Worker& worker() const { return worker_; }
  [[nodiscard]] const std::string& why_not_joined() const { return why_not_joined_; }
  [[nodiscard]] std::string why_kept_out() const {
    const std::lock_guard lock(kept_out_lock_);
    return why_kept_out_;
  }
  [[nodiscard]] const std::vector<MemoryRegion>& regions() const { return regions_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds reconnect_interval{1000};

  // Whatever goes wrong here must not end the guest.
  void run();
  void serve_requests();
  [[nodiscard]] bool ask(const std::function<void()>& act);
  void take_backing();
  void work();
  /// It is tried anew after a while.
  void note_failure(const std::exception& error) noexcept;
  void note_success() noexcept;
  void note_whether_merging();

  // Those that tell of writes: of everybody but this thread, which compares pages and makes table entries.
  // Without merging nothing is gained by looking early.
  [[nodiscard]] std::int64_t faults() const;
  std::chrono::milliseconds time_to_wait();

  // Waits until the daemon or another thread says something or the time is over; true when the agent is to
  // end.
  bool wait(std::chrono::milliseconds limit);
  // While no daemon has let the guest in. True when the agent is to end.
  bool wait_to_join();
  void go_on_joining();
  void note_kept_out(std::string why) {
    const std::lock_guard lock(kept_out_lock_);
    why_kept_out_ = std::move(why);
  }
  void tell_problem(const std::exception& problem);
  void start_daemon();
  /// One is due, or under way.
  [[nodiscard]] bool wants_pass() const;
  /// As much of it as there is time for.
  void pass();
  void go_on_paging();
  void settle_cpu();
  [[nodiscard]] bool hears_of_paging_file();
  void answer();
  /// Calls act(): on a thread that gives way to others, unless it is urgent.
  void giving_way(const std::function<void()>& act);
  [[nodiscard]] bool wait_and_watch();

  std::vector<MemoryRegion> regions_;
  AgentConfig config_;
  Worker worker_;
  std::string why_not_joined_;
  std::string problem_;  // that was told: why no daemon lets the guest in
  mutable std::mutex kept_out_lock_;
  std::string why_kept_out_;  // empty while it is not
  UniqueFd stop_;
  UniqueFd requested_;  // readable while there are requests, or somebody asked for a pass
  AgentRequests requests_;
  std::optional<Resource> lacks_;  // what the last failure was for want of
  bool merging_ = true;
  bool answered_ = false;  // there was something to read on the daemon's socket when we last waited
  Clock::time_point next_connect_ = Clock::now() + reconnect_interval;
  StartDelay start_delay_;
  Clock::time_point start_ends_;
  struct NewBacking {
    UniqueFd file;
    std::vector<BackedRun> runs;
  };
  std::mutex backing_lock_;
  std::optional<NewBacking> new_backing_;  // that nobody has taken yet; the last one counts
  std::atomic<bool> looking_ = false;      // somebody asked for a pass
  PassSchedule schedule_{Clock::now()};
  bool pass_asked_ = false;  // somebody had asked for the last pass when it began
  MemoryWatch memory_{worker_};
  BreakWatch guard_{worker_, {[this] { return memory_.room(); }, [this] { return memory_.swap_room(); }}};
  std::optional<YieldingThread> yielding_;  // once started
  std::thread thread_;
};

}  // namespace samepage::dedup
