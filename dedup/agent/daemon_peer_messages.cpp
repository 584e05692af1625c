// SPDX-License-Identifier: Apache-2.0
// What the daemon says, checked and obeyed where that is right.
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file_figures.hpp"
#include "base/files_behind_memory.hpp"
#include "base/poll_timeout.hpp"
#include "base/racing_reads.hpp"
#include "base/thread_use.hpp"
#include "dedup/agent/daemon_peer.hpp"
#include "dedup/agent/grants.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

constexpr std::size_t most_granted = 1024;  // before they are merged, whatever else has come

}  // namespace

// What several messages grant is merged in one go: the guest is held for all of it together.
void DaemonPeer::handle_messages() {
  while (link_.joined() && link_.connection().readable()) {
    if (auto message = link_.connection().receive()) {
      const auto type = static_cast<wire::Type>(message->type);
      if (type != wire::Type::verdict || granted_.size() >= most_granted) merge_granted();
      if (!link_.joined()) return;  // it was no grant that can be
      take(std::move(*message));
      fault_point(FaultIn::agent, FaultMoment::took, type);
    } else {
      lose();
    }
  }
  merge_granted();
}

void DaemonPeer::handle(Message message) {
  take(std::move(message));
  merge_granted();
}

void DaemonPeer::hear_out(std::chrono::steady_clock::time_point deadline) {
  send(wire::Type::sync, wire::bytes_of(wire::Sync{++last_sync_}));
  while (link_.joined() && last_synced_ != last_sync_) {
    pollfd waiting{link_.connection().fd(), POLLIN, 0};
    const int left = poll_timeout(deadline);
    ::poll(&waiting, 1, left);
    handle_messages();
    if (left == 0) return;
  }
}

void DaemonPeer::take(Message message) {
  switch (static_cast<wire::Type>(message.type)) {
    case wire::Type::verdict:
      if (auto verdict = wire::decode_verdict(message.payload)) {
        donate(verdict->donate);
        granted_.insert(granted_.end(), verdict->grants.begin(), verdict->grants.end());
        return;
      }
      break;
    case wire::Type::knobs:
      if (const auto knobs = wire::read_one<wire::Knobs>(message.payload)) return take_knobs(*knobs);
      break;
    case wire::Type::paging_file:
      if (take_paging_file(message)) return;
      break;
    case wire::Type::cpu_turn:
      if (const auto turn = wire::read_one<wire::CpuTurn>(message.payload)) {
        constexpr std::uint64_t longest_us = 1'000'000;
        return turn_.begin(std::chrono::microseconds(std::min(turn->time_us, longest_us)), thread_cpu_time());
      }
      break;
    case wire::Type::guard:
      if (take_guard(message)) return;
      break;
    case wire::Type::synced:
      // Other ones are late: an image was loaded without the daemon's last answers.
      if (const auto sync = wire::read_one<wire::Sync>(message.payload)) {
        if (sync->number == last_sync_) last_synced_ = last_sync_;
        return;
      }
      break;
    default:
      break;
  }
  lose();  // what we don't understand we don't obey
}

bool DaemonPeer::take_paging_file(Message& message) {
  const auto notice = wire::read_one<wire::PagingFile>(message.payload);
  if (!notice || notice->file >= max_paging_files) return false;
  const bool leaving = notice->leaving != 0;
  if (message.fds.empty() && !leaving) require_descriptors(link_.fd());
  if (message.fds.size() > 1 || (message.fds.empty() && !leaving)) return false;
  if (!message.fds.empty()) {
    const FileFigures file = figures_of_file(message.fds[0].get());
    guest_.upkeep.add_backing(file.device, file.inode);  // no store: never unmerged for the sake of mappings
    note_file_behind_memory({notice->path, ::strnlen(notice->path, sizeof(notice->path))});
    link_.files().set_slots(notice->file, std::move(message.fds[0]));
  }
  leaving ? guest_.paging.leave(notice->file) : guest_.paging.settled(notice->file);
  return true;
}

bool DaemonPeer::take_guard(const Message& message) {
  const auto guard = wire::read_one<wire::Guard>(message.payload);
  if (!guard) return false;
  hears_room_ = true;
  is_guarded_ = guard->guarded != 0;
  if (guard->order != wire::GuardOrder::none) guard_order_ = guard->order;
  return true;
}

void DaemonPeer::tell_room(const wire::Room& room) {
  if (hears_room_ && is_guarded_) send(wire::Type::room, wire::bytes_of(room));
}

void DaemonPeer::donate(const std::vector<wire::Donation>& requests) {
  Membership& membership = link_.membership();
  // The guest may be writing the pages: the daemon hashes what it got.
  const RacingReads racing;
  for (const wire::Donation& request : requests) {
    if (!guest_.pages.all().contains(request.page) || request.slot >= membership.welcome.staging_slots)
      return lose();
    std::memcpy(membership.staging.data() + PageCount{request.slot}.bytes(), guest_.pages.host(request.page),
                page_size);
    fault_point("page-donated");
  }
  send_list(wire::Type::donated, requests);
}

void DaemonPeer::merge_granted() {
  std::vector<wire::Grant> grants = std::exchange(granted_, {});
  if (grants.empty() || !link_.joined()) return;
  const std::uint32_t frames = link_.membership().welcome.max_frames;
  if (!std::all_of(grants.begin(), grants.end(), [&](const wire::Grant& grant) {
        return is_within(grant, guest_.pages.count(), frames);
      })) {
    return lose();
  }
  const std::uint64_t out = guest_.states.paged_count();
  const BulkRemapper::Merging merging = guest_.remapper.merge(link_.files(), std::move(grants));
  fault_point("pages-merged");
  const std::uint64_t paged = guest_.states.paged_count() - out;
  std::uint64_t kept = 0;
  for (const PageRange& range : merging.merged.kept) kept += range.count;
  std::uint64_t refused = 0;
  for (const PageRange& range : merging.merged.refused) refused += range.count;
  // Frames that move are nothing that the guest was asked to give.
  guest_.paging.answered(kept + refused - merging.moves_granted, kept - merging.moved,
                         PageOuts::Clock::now());
  guest_.totals.merges += kept - paged;
  guest_.totals.paged_out += paged;
  guest_.totals.failed_merges += merging.failed;
  answer(merging.merged);
}

}  // namespace samepage::dedup
