// SPDX-License-Identifier: Apache-2.0
// What the agent does, step by step and without a thread of its own, so that tests decide what happens when:
// a pass over the guest's memory, and the daemon's messages as they come.
//
// A page's way: populated, its digest the same as in the last pass (quiet) -> OFFER -> grant -> compared and
// mapped under the barrier -> MERGED. A merged page that has memory of the guest's own was written: BROKEN,
// and it starts again. A page that is zero, and new or quiet, is given back and asks nobody.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/pagemap.hpp"
#include "base/process_memory.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/connection.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/image_placer.hpp"
#include "dedup/agent/image_sharing.hpp"
#include "dedup/agent/remapper.hpp"
#include "dedup/agent/tracker.hpp"
#include "dedup/agent/write_barrier.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Worker {
 public:
  /// Without a connection yet. `barrier` must outlive the worker. `vma_limit`: mappings that merging may add;
  /// by default what vm.max_map_count leaves.
  Worker(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier,
         TrackerKind tracker = TrackerKind::best, Pagemap::Backend backend = Pagemap::Backend::newest,
         std::optional<std::size_t> vma_limit = {});

  /// Joins the daemon, over `socket` when it is given. Throws UserError when that fails; may be tried again,
  /// also after the daemon was lost. What is mapped from its store stays: at the same daemon it is still
  /// merged, to another one it is offered anew.
  void connect(UniqueFd socket = {});
  /// The same in two steps. A daemon that hangs may answer at any time later.
  void ask_to_join(UniqueFd socket = {});
  /// Waits for the answer, and throws DaemonHangs when there is none in time; may be tried again.
  void finish_joining();
  [[nodiscard]] bool joining() const { return joining_.has_value(); }
  [[nodiscard]] bool connected() const { return connection_.has_value(); }
  /// Whether the daemon that was joined last ends by itself after its last guest. True while there was none.
  [[nodiscard]] bool daemon_is_private() const { return daemon_is_private_; }
  /// Of the daemon's socket, to wait on; -1 when there is none.
  [[nodiscard]] int socket_fd() const {
    return connection_ ? connection_->fd() : joining_ ? joining_->fd() : -1;
  }

  /// Loads an image: ImagePlacer::place().
  void place(std::span<const ImagePart> parts, ImageSharing::Patience patience = {});

  /// Looks at every populated page once. True when anything was found: pages that changed, that can be
  /// offered, that were broken or given back. `cancelled` is asked now and then and ends the pass early.
  bool run_pass(const std::function<bool()>& cancelled = [] { return false; });
  /// While merging is off: looks for pages that were broken since the last look, and offers nothing. Costs a
  /// look at the page tables of what is shared.
  void look_for_breaks(const std::function<bool()>& cancelled = [] { return false; });
  /// The next pass leaves no page out.
  void look_everywhere() { tracker_->look_everywhere(); }
  /// Answers all messages that are there. Call when the socket is readable.
  void handle_messages();
  /// Gives pages back that the guest has said it does not need, and tells the daemon. What is not guest
  /// memory is left out. When this returns they have no memory, but for those that the kernel could not drop.
  void discard(std::span<const GfnRange> ranges);
  /// Gives the connection up, as if the daemon had.
  void lose_daemon() noexcept;
  /// Ends a wait for the daemon, and lets none begin. Any thread.
  void hang_up() { hang_up_.hang_up(); }
  /// The same for the message that the worker is at, and no more than that: HangUp. Any thread.
  [[nodiscard]] std::uint64_t message() const { return hang_up_.message(); }
  void give_up(std::uint64_t message) { hang_up_.give_up(message); }

  /// Whether what the guest writes costs it a page fault the first time after each pass.
  [[nodiscard]] bool tracks_writes() const { return tracker_->evidence() == Tracker::Evidence::writes; }
  [[nodiscard]] const wire::Knobs& knobs() const { return knobs_; }
  [[nodiscard]] const GuestPages& pages() const { return pages_; }
  [[nodiscard]] AgentCounters counters() const;

 private:
  // What a part of a pass has found, in the order in which the daemon must hear of it.
  struct Findings {
    std::vector<wire::PageRange> broken;
    std::vector<wire::PageRange> withdrawn;
    std::vector<wire::Offer> offers;
    std::vector<wire::PageRange> zero;
    bool any = false;
  };

  void scan(const GuestPages::Region& region, std::uint32_t first, std::uint32_t count, Findings& findings);
  void sweep(const GuestPages::Region& region, std::span<const wire::PageRange> ranges, Findings& findings);
  void note_break(std::uint32_t page, Findings& findings);
  void note_changed(std::uint32_t page, Findings& findings);
  void consider(std::uint32_t page, Findings& findings);
  void offer(std::uint32_t page, Digest digest, Findings& findings);
  void note_written(std::uint32_t page, Findings& findings);
  void share(ImagePages& image, ImageSharing::Patience patience);
  void act_on(Findings& findings);
  std::uint64_t give_back(const std::vector<wire::PageRange>& zero);
  void give_back_or_offer(Findings& findings);
  void discard_pages(std::uint32_t first, std::uint32_t end);
  void handle(const Frame& frame);
  void take_knobs(wire::Knobs knobs);
  void donate(const std::vector<wire::Donation>& requests);
  void merge(std::vector<wire::Grant> grants);
  void answer(wire::Merged merged);
  std::optional<std::vector<wire::Grant>> pieces_of(std::vector<wire::Grant> grants) const;
  std::vector<wire::Grant> take_what_exceeds_the_budget(std::vector<wire::Grant>& pieces);
  template <typename Item, typename Act>
  void while_held(const std::vector<Item>& items, Act act);
  template <typename T>
  void send_list(wire::Type type, const std::vector<T>& list);
  void report(bool found);
  [[nodiscard]] std::uint64_t committed(std::span<const std::byte> books) const;
  void bring_in_orphans();
  void retain_merged_pages();
  void leave_former_store();
  [[nodiscard]] std::uint64_t bytes_on_store(const MappedRange& mapping) const;
  void count_former_store();
  void count_orphans(const std::vector<MappedRange>& mappings);
  void tidy_mappings(bool found);
  void note_replaced_mappings();
  std::vector<MappedRange> count_vmas();
  bool leave_out_what_needs_mappings(std::vector<wire::PageRange>& pieces);
  std::vector<wire::PageRange> runs_not_worth_a_mapping(const std::vector<MappedRange>& mappings,
                                                        bool scarce);
  [[nodiscard]] wire::PageRange pages_of(const MappedRange& mapping) const;
  [[nodiscard]] std::uint32_t merged_pages(const wire::PageRange& range) const;
  void unmerge(const std::vector<wire::PageRange>& runs);
  void offer_again_what_was_beyond_the_budget();

  AgentConfig config_;
  GuestPages pages_;
  WriteBarrier& barrier_;
  Pagemap pagemap_;
  std::unique_ptr<Tracker> tracker_;
  HangUp hang_up_;
  std::optional<Connection> joining_;  // asked to let us in, and has not answered
  std::optional<Connection> connection_;
  std::optional<Membership> membership_;
  std::optional<Remapper> remapper_;
  // The membership of a daemon that we have lost and may find again, and its store, which pages are mapped
  // from.
  struct Former {
    std::uint64_t membership = 0;
    UniqueFd store;
  };
  std::optional<Former> former_;
  std::vector<UniqueFd> orphaned_stores_;  // of daemons that we have lost, while pages are mapped from them
  wire::Knobs knobs_;
  std::size_t vma_limit_;
  std::vector<wire::PageRange> beyond_budget_;  // pages that stay as they are for want of mappings
  std::uint64_t vmas_ = 0;         // that merging has added, at most; counted exactly now and then
  bool mappings_changed_ = false;  // since they were counted
  std::chrono::steady_clock::time_point vmas_counted_;
  std::chrono::steady_clock::time_point next_stop_;  // not before
  std::uint64_t volatile_pages_ = 0;
  unsigned passes_since_join_ = 0;

  bool daemon_is_private_ = true;
  std::uint64_t breaks_before_join_ = 0;
  std::uint64_t failed_merges_before_join_ = 0;

  struct Atomics;
  std::shared_ptr<Atomics> counters_;  // read by other threads
};

}  // namespace samepage::dedup
