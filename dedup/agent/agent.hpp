// SPDX-License-Identifier: Apache-2.0
// The agent: what merges a guest's pages, inside the process that owns them. It has a thread of its own that
// looks for quiet pages, offers their digests to the daemon and maps the frames that the daemon grants.
// It knows nothing of KVM: it is given memory, a write barrier and the daemon's socket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "dedup/agent/backing.hpp"
#include "dedup/agent/image_placer.hpp"
#include "dedup/agent/memory_region.hpp"
#include "dedup/agent/page_map.hpp"
#include "dedup/agent/still_memory.hpp"
#include "dedup/agent/write_barrier.hpp"
#include "dedup/hold_times.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

/// What a guest shares.
enum class Sharing : std::uint8_t {
  all,        // everything within its domain
  uniform,    // the same in a domain of that mode, where pages of zeros are not told from others
  zero_only,  // nothing but zero pages, which need no partner
  nothing,    // it has no agent, but a Promise
};

struct AgentConfig {
  std::string guest;               // its name, at most max_name bytes
  std::string domain;              // the label; the daemon adds the peer's uid
  Sharing sharing = Sharing::all;  // uniform follows from the label
  std::string socket_path;         // the daemon's
  /// Starts another one on that path and does not wait for it. Called by the agent's thread when nobody
  /// answers there any more and the last daemon was a private one. Empty: somebody else sees to that.
  std::function<void()> start_daemon = {};
  bool joins_later = false;  // the daemon is known to hang: its answer is not waited for at the start
};

/// A frame store whose daemon we have lost and that pages are mapped from.
struct StoreFigure {
  std::uint64_t inode = 0;  // the same in every guest that maps it, and at the daemon, should it live
  std::uint64_t allocated_bytes = 0;
  std::uint64_t mapped_bytes = 0;  // by this guest, and not written since
};

/// Which pages go out.
enum class PageOutOrder : std::uint8_t {
  coldest_first,
  all,        // in the order of their addresses
  suspended,  // the same of a guest that stands still until bring_back()
};

struct PageOutProgress {
  bool under_way = false;
  std::uint64_t pages = 0;  // that have left the guest's memory: out, or shared with others, or zeros
};

/// What the agent has done since it started. Times in microseconds.
struct AgentCounters {
  std::uint64_t passes = 0;
  std::uint64_t merges = 0;         // pages mapped onto frames
  std::uint64_t breaks = 0;         // merged pages that the guest wrote, zero pages among them
  std::uint64_t failed_merges = 0;  // pages that had changed by the time they were compared
  std::uint64_t holds = 0;          // times the guest was held
  std::uint64_t longest_hold_us = 0;
  bool connected = false;  // false: the daemon is gone, what is merged stays merged
  std::vector<StoreFigure> lost_stores;
  std::uint64_t paged_out = 0;  // pages
  std::uint64_t came_back = 0;  // times that pages were used again after they had gone out
  HoldTimes hold_times;
  std::uint64_t merge_cpu_us = 0;  // of the agent's thread, after its last pass
  std::vector<ShortageFigure> shortages;
  std::uint64_t available_bytes = 0;  // of memory, where the least is left to the guest; 0: nobody has looked
};

/// Merges the pages of one guest. All public functions but place() and start() may be called from any thread.
class Agent final : public ImagePlacer {
 public:
  /// Connects to the daemon and agrees on the protocol. The memory and `barrier` must outlive the agent.
  /// Where there is no daemon, it hangs, or its host's policy keeps the guest out, that is done later:
  /// why_not_joined(). Throws UserError when what
  /// listens is another user's, no daemon of ours, or refuses the guest.
  Agent(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier);
  /// Stops the thread. What is merged stays merged; the daemon drops the references when the process is gone.
  ~Agent() override;
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Maps the pages of an image from the domain's store, where the daemon has them, or gives them to it.
  void place(std::span<const ImagePart> parts) override;
  /// What kept the guest from joining the daemon at once, and when it will join, for people; empty when it
  /// joined.
  [[nodiscard]] const std::string& why_not_joined() const;
  /// Why the policy of the daemon's host keeps the guest out; empty while it does not.
  [[nodiscard]] std::string why_kept_out() const;
  /// Starts the thread: from now on the guest's pages are merged. Once.
  void start();

  /// Gives pages back that the guest has said it does not need, whatever they are shared with; returns when
  /// it is done. What is not guest memory is left out. The caller must not be inside guest memory: the guest
  /// is held for it.
  void discard(std::span<const GfnRange> ranges);

  /// The guest has just gone quiet (it was paused, say): its memory is looked at now and not at the next
  /// regular pass.
  void look_now();

  /// Before start(): the guest goes on from files that never change, and these pages lie in private mappings
  /// of them (backing.hpp). The descriptors must outlive the agent.
  void is_backed(const Backing& backing);
  /// Calls `act` on the agent's thread: no page is replaced meanwhile. What it throws comes through. False
  /// when the agent has ended.
  [[nodiscard]] bool while_still(const std::function<void(StillMemory&)>& act);
  /// `file`, which all of `runs` are in, holds what is in these pages now, and nobody changes them there any
  /// more: what is the guest's own and still the same is mapped from it soon. Does not wait.
  void back(UniqueFd file, std::vector<BackedRun> runs);

  /// Has up to so many pages go out to the daemon's paging files; does not wait for it. False where there are
  /// no paging files, or no daemon.
  [[nodiscard]] bool begin_page_out(std::uint64_t pages, PageOutOrder order);
  /// How far that is, or was.
  [[nodiscard]] PageOutProgress page_out_progress() const;

  /// Of a suspended guest: has the kernel read those that it used last, before it goes on.
  /// Does not wait for the disk.
  void bring_back();

  [[nodiscard]] AgentCounters counters() const;
  /// The guest's page map, with what the agent knows.
  [[nodiscard]] std::vector<PageMapRun> page_map() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace samepage::dedup
