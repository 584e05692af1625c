// SPDX-License-Identifier: Apache-2.0
// The order of events in an agent, without a thread of its own, so that tests decide what happens when: a
// pass over the guest's memory, the daemon's coming and going, its messages as they come.
//
// A page's way, and who knows about each step:
//   written by the guest ─► quiet (tracker) ─► considered (page_scan, findings) ─► OFFER
//   ─► grant (grants) ─► compared and mapped under a hold (bulk_remapper, remapper) ─► MERGED
//   ─► written again: seen with memory of the guest's own (page_scan) ─► BROKEN, and it starts again.
// One that is again what it was in the file that the guest goes on from is mapped from there (origins), and
// asks nobody.
// A page that is zero, and new or quiet, is given back and asks nobody. What the agent knows of each page is
// in page_states; what is said between it and the daemon, in daemon_peer; how many mappings it may make, in
// mapping_budget.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/memory_room.hpp"
#include "base/pagemap.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/agent_totals.hpp"
#include "dedup/agent/bulk_remapper.hpp"
#include "dedup/agent/daemon_peer.hpp"
#include "dedup/agent/findings.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/guest_paging.hpp"
#include "dedup/agent/image_placer.hpp"
#include "dedup/agent/image_sharing.hpp"
#include "dedup/agent/mapping_budget.hpp"
#include "dedup/agent/mapping_shortage.hpp"
#include "dedup/agent/origins.hpp"
#include "dedup/agent/page_outs.hpp"
#include "dedup/agent/page_scan.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/agent/store_upkeep.hpp"
#include "dedup/agent/tracker.hpp"
#include "dedup/agent/write_barrier.hpp"
#include "dedup/mapping_limit.hpp"
#include "dedup/protocol.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

class Worker {
 public:
  /// Without a daemon yet. `barrier` must outlive the worker. `mapping_limit` tells how many mappings merging
  /// may add; by default what vm.max_map_count leaves.
  Worker(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier,
         TrackerKind tracker = TrackerKind::best, Pagemap::Backend backend = Pagemap::Backend::newest,
         std::function<std::uint64_t()> mapping_limit = mappings_for_merging);

  /// Joins the daemon, over `socket` when it is given. Throws UserError when that fails; may be tried again,
  /// also after the daemon was lost. What is mapped from its store stays: at the same daemon it is still
  /// merged, to another one it is offered anew.
  void connect(UniqueFd socket = {});
  /// The same in two steps. A daemon that hangs may answer at any time later.
  void ask_to_join(UniqueFd socket = {});
  /// Waits for the answer, and throws DaemonHangs when there is none in time; may be tried again.
  void finish_joining();
  [[nodiscard]] bool joining() const { return daemon_.link().joining(); }
  /// Until the daemon ends the connection.
  [[nodiscard]] bool kept_out() const { return daemon_.link().kept_out(); }
  [[nodiscard]] bool connected() const { return daemon_.joined(); }
  /// Whether the daemon that was joined last ends by itself after its last guest. True while there was none.
  [[nodiscard]] bool daemon_is_private() const { return daemon_.is_private(); }
  /// Of the daemon's socket, to wait on; -1 when there is none.
  [[nodiscard]] int socket_fd() const { return daemon_.link().fd(); }

  /// Loads an image: ImagePlacer::place().
  void place(std::span<const ImagePart> parts, ImageSharing::Patience patience = {});

  /// Looks at every populated page once. True when anything was found: pages that changed, that can be
  /// offered, that were broken or given back. `cancelled` is asked now and then and ends the pass early.
  /// `goes_on` is asked then too. When it does not, pass_under_way() is true, and the next call takes it up
  /// from there.
  bool run_pass(
      const std::function<bool()>& cancelled = [] { return false; },
      const std::function<bool()>& goes_on = [] { return true; });
  [[nodiscard]] bool pass_under_way() const { return pass_.has_value() && daemon_.joined(); }
  void cancel_pass() { pass_.reset(); }
  /// While merging is off: looks for pages that were broken since the last look, and offers nothing. Costs a
  /// look at the page tables of what is shared.
  void look_for_breaks(const std::function<bool()>& cancelled = [] { return false; });
  /// The next pass leaves no page out.
  void look_everywhere() { tracker_->look_everywhere(); }
  /// Answers all messages that are there. Call when the socket is readable.
  void handle_messages() { daemon_.handle_messages(); }
  /// Gives pages back that the guest has said it does not need, and tells the daemon. What is not guest
  /// memory is left out. When this returns they have no memory, but for those that the kernel could not drop.
  void discard(std::span<const GfnRange> ranges);
  /// How its memory goes out to paging files and comes back.
  [[nodiscard]] GuestPaging& paging() { return paging_; }
  /// Which part of the processor it may use.
  [[nodiscard]] DaemonPeer& daemon() { return daemon_; }
  [[nodiscard]] const PageOuts& page_outs() const { return page_outs_; }
  /// Why the guest stands still: it writes faster than pages go out, or than there is memory for.
  enum class Brake : std::uint8_t { paging, guard };
  /// Lets the guest stand still for that reason, or not any more. It goes on when there is none left.
  void brake(Brake why, bool on);
  [[nodiscard]] bool brakes(Brake why) const { return (brakes_ >> static_cast<unsigned>(why) & 1U) != 0; }
  /// How much memory is left, for the guest's figures and the daemon's.
  void note_room(const MemoryRoom& room);
  /// Before the first pass: these pages lie in private mappings of what the guest goes on from. The
  /// descriptors must outlive the worker.
  void is_backed(const Backing& backing);
  /// Maps from `backing` what of the guest's own is still as it is there.
  void back(const Backing& backing);
  /// The same with the copy that a fork has made of these pages; it is kept until another file takes its
  /// place.
  void forked(UniqueFd file, std::vector<BackedRun> runs);
  // StillMemory, for as long as nobody else replaces a page. What put_back() takes from the daemon it hears
  // of by tell_lost(), when the guest is not held any more.
  std::uint64_t put_back(const Backing& backing);
  void tell_lost();
  [[nodiscard]] bool begin_watch();
  [[nodiscard]] bool written_since_watch(const std::function<void(const GfnRange&)>& visit) const;

  /// Gives the connection up, as if the daemon had.
  void lose_daemon() noexcept { daemon_.lose(); }
  /// Ends a wait for the daemon, and lets none begin. Any thread.
  void hang_up() { daemon_.link().hang_up().hang_up(); }
  /// The same for the message that the worker is at, and no more than that: HangUp. Any thread.
  [[nodiscard]] std::uint64_t message() const { return daemon_.link().hang_up().message(); }
  void cancel(std::uint64_t message) { daemon_.link().hang_up().cancel(message); }

  /// Whether what the guest writes costs it a page fault the first time after each pass.
  [[nodiscard]] bool tracks_writes() const { return tracker_->evidence() == Tracker::Evidence::writes; }
  [[nodiscard]] const wire::Knobs& knobs() const { return daemon_.knobs(); }
  [[nodiscard]] const GuestPages& pages() const { return pages_; }
  [[nodiscard]] const PageStates& states() const { return states_; }
  [[nodiscard]] AgentCounters counters() const;
  /// What the agent lacks. Any thread.
  [[nodiscard]] Shortages& shortages() { return shortages_; }

 private:
  static constexpr std::uint32_t chunk_pages = 4096;  // of a pass, between two looks at the daemon's messages

  void retain_merged_pages();
  void act_on(Findings& findings);
  void report(bool found);
  [[nodiscard]] wire::Report memory_now() const;
  void share(ImagePages& image, ImageSharing::Patience patience);

  AgentConfig config_;
  GuestPages pages_;
  PageStates states_;
  Pagemap pagemap_;
  std::unique_ptr<Tracker> tracker_;
  Shortages shortages_;
  MappingBudget budget_;
  MappingShortage mapping_shortage_{shortages_};
  BulkRemapper remapper_;
  StoreUpkeep upkeep_;
  PageOuts page_outs_;
  Origins origins_;
  PageScan scan_;
  WriteBarrier& barrier_;
  unsigned brakes_ = 0;  // a bit for each reason
  MemoryRoom room_;      // when somebody looked last
  AgentTotals totals_;
  DaemonPeer daemon_;
  GuestPaging paging_;
  std::uint64_t volatile_pages_ = 0;
  struct Pass {
    std::vector<GuestPages::Region>::const_iterator region;
    PageRange rest;  // of the region
    bool found = false;
  };
  std::optional<Pass> pass_;
  BulkRemapper::Lost lost_;
};

}  // namespace samepage::dedup
