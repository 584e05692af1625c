// SPDX-License-Identifier: Apache-2.0
// The daemon, as an agent deals with it: joined and lost, told what was found, and obeyed where that is
// right. What it says is checked here; guest memory is changed by the remapper alone, which compares.
//
// A message that can't be sent or understood loses the daemon. Nothing is thrown for it: callers that have
// more to do ask joined() again. The agent's thread; another one may hang up.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dedup/agent/agent.hpp"
#include "dedup/agent/agent_totals.hpp"
#include "dedup/agent/bulk_remapper.hpp"
#include "dedup/agent/cpu_turn.hpp"
#include "dedup/agent/daemon_link.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/mapping_budget.hpp"
#include "dedup/agent/page_outs.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/agent/store_upkeep.hpp"
#include "dedup/agent/tracker.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class DaemonPeer {
 public:
  /// What dealing with the daemon changes. All must outlive the peer.
  struct Guest {
    const GuestPages& pages;
    PageStates& states;
    Tracker& tracker;
    MappingBudget& budget;
    BulkRemapper& remapper;
    StoreUpkeep& upkeep;
    AgentTotals& totals;
    PageOuts& paging;
    Shortages& shortages;
  };

  explicit DaemonPeer(Guest guest) : guest_(guest) {}

  /// Asks to be let in, over `socket` when it is given. Throws NoDaemon, DaemonHangs or UserError.
  void ask_to_join(const AgentConfig& config, UniqueFd socket);
  enum class Joined : std::uint8_t {
    anew,  // at another daemon, or for the first time
    back,  // at the former daemon, whose references still stand
  };
  /// Waits for the answer, and throws DaemonHangs when there is none in time; may be tried again.
  [[nodiscard]] Joined finish_joining();
  /// Gives the connection up, as if the daemon had. What is mapped from its store stays, and stays right.
  void lose() noexcept;

  [[nodiscard]] bool joined() const { return link_.joined(); }
  [[nodiscard]] DaemonLink& link() { return link_; }
  [[nodiscard]] const DaemonLink& link() const { return link_; }
  [[nodiscard]] const wire::Knobs& knobs() const { return knobs_; }
  void take_knobs(const wire::Knobs& told);
  /// Whether the daemon that was joined last ends by itself after its last guest. True while there was none.
  [[nodiscard]] bool is_private() const { return is_private_; }
  /// Passes since it was joined.
  [[nodiscard]] unsigned passes() const { return passes_; }
  void count_pass() { ++passes_; }

  /// Tells it. Nothing is sent while there is none.
  template <typename T>
  void send_list(wire::Type type, const std::vector<T>& list) {
    if (link_.joined() && !link_.connection().send_list<T>(type, list)) lose();
  }
  void send(wire::Type type, std::span<const std::byte> payload);
  /// What has become of grants.
  void answer(wire::Merged merged);
  /// Sends a REPORT: `now` has what is now; the counters are added, as this daemon counts: since it has known
  /// the guest.
  void report(wire::Report now);

  /// Whether the agent's thread may do what can wait. Where it may not, the daemon is asked for a turn.
  [[nodiscard]] bool may_use_cpu();
  /// Whether it waits for one.
  [[nodiscard]] bool waits_for_cpu() const { return bounds_cpu() && turn_.asked(); }
  /// There is nothing to do that can wait.
  void end_cpu_turn();
  /// Tells what was used without a turn, when it is worth a message.
  void tell_cpu_time();

  /// Whether the guest may be made to stand still for want of memory, as the daemon has said last.
  [[nodiscard]] bool is_guarded() const { return is_guarded_; }
  /// What the daemon has ordered since this was asked last.
  [[nodiscard]] wire::GuardOrder take_guard_order() {
    return std::exchange(guard_order_, wire::GuardOrder::none);
  }
  /// Whether it is joined, and wants to know how much memory is left.
  [[nodiscard]] bool hears_room() const { return link_.joined() && hears_room_; }
  /// Tells how much memory is left, where the daemon wants to know.
  void tell_room(const wire::Room& room);

  /// Answers all messages that are there.
  void handle_messages();
  /// Answers one.
  void handle(Message message);
  /// Answers all that the daemon has said by now, as it may be under way still. Waits until `deadline` at
  /// most.
  void hear_out(std::chrono::steady_clock::time_point deadline);

 private:
  [[nodiscard]] wire::Report counters() const;
  [[nodiscard]] bool bounds_cpu() const { return link_.joined() && knobs_.cpu_percent < 100; }
  [[nodiscard]] std::uint64_t used_cpu_us();
  void send_cpu_time(bool wants);
  [[nodiscard]] bool take_paging_file(Message& message);
  [[nodiscard]] bool take_guard(const Message& message);
  void take(Message message);
  void donate(const std::vector<wire::Donation>& requests);
  void merge_granted();

  Guest guest_;
  DaemonLink link_;
  wire::Knobs knobs_;
  bool is_private_ = true;
  unsigned passes_ = 0;
  CpuTurn turn_;
  bool is_guarded_ = false;  // stays while there is no daemon
  bool hears_room_ = false;  // the daemon that is joined knows ROOM
  wire::GuardOrder guard_order_ = wire::GuardOrder::none;
  std::vector<wire::Grant> granted_;  // of messages that came one right after the other
  std::uint64_t told_cpu_us_ = 0;
  std::uint32_t last_sync_ = 1U << 31;  // of hear_out(); whoever loads an image counts from 0
  std::uint32_t last_synced_ = last_sync_;
  wire::Report before_;  // the counters when it was joined anew
};

}  // namespace samepage::dedup
