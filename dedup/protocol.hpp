// SPDX-License-Identifier: Apache-2.0
// The whole contract between agent and daemon: framed messages (base/framing.hpp) over a local stream socket.
// Long because all of it is to be found in one file.
//
//   agent                                   daemon
//     HELLO (guest, domain, pages)  ──►              who it is comes from the socket (SO_PEERPIDFD,
//     SO_PEERCRED)
//                              ◄──  WELCOME (secret, knobs; store fd read-only, staging fd) or REFUSED (text)
//                                                    or KEPT_OUT (text): the policy of the host is why. The
//                                                    daemon closes the connection when it would let the guest
//                                                    in; as long as it is there the guest's RAM counts as
//                                                    promised, and nothing more is said on it
//     OFFER (page, digest)...       ──►
//                              ◄──  VERDICT (merge these pages with these frames; donate these pages)
//     DONATED (page, slot)...       ──►              the bytes are in the slot of the staging area
//     MERGED (page ranges, kept / refused) ──►       the answer to every grant, in any order
//     BROKEN (page ranges)          ──►              the guest wrote them: its references may go
//     WITHDRAW (page ranges)        ──►              offers that no longer stand
//     REPORT (counters)             ──►              after each pass
//     CPU_TIME (used, wants)        ──►              what it has used so far. Wants: a turn, to do what can
//                                                    wait, such as a pass. None: not now, or not any more.
//                                                    Either ends the turn that it has
//                              ◄──  CPU_TURN (time)  the answer, once there is time to be had: it may go
//                                                    on until it has used so much. While the knob `cpu` is
//                                                    100 nobody has to ask
//                              ◄──  GUARD (order)    the break guard is on or off. While it is on:
//     ROOM (memory, state)          ──►              little is left where the guest's memory is counted: how
//                                                    much, and whether the guest takes more, and how fast
//                              ◄──  GUARD (order)    it is to stand still, for it takes memory fastest; or it
//                                                    may go on. It stands still only if it finds the same
//     IMAGE (page, digest)...       ──►              what is about to be loaded: a frame is made at the first
//                                                    sighting, so that the next guest of the image finds it
//     PAGE_OUT (page, digest)...    ──►              these are to leave memory: a frame is made at the first
//                                                    sighting, in a paging file
//     COLD (page ranges)            ──►              merged pages that the guest does not use: a frame that
//                                                    all sharers have left cold goes out to a paging file.
//                                                    They are granted its slot then
//     WARM (page ranges)            ──►              that may not be so any more
//     USED (page ranges)            ──►              these lie in paging files, and the guest has used them
//                                                    since they went out; before the BROKEN of a written one
//     SYNC (number)                 ──►
//                              ◄──  SYNCED (number)  everything before the SYNC has been answered
//                              ◄──  KNOBS            when somebody tunes
//                              ◄──  PAGING_FILE      a paging file that the agent may be granted frames of,
//                              with
//                                                    a descriptor; or one whose frames it is to leave
//
// A guest that shares nothing (--domain none) has no agent. It says HELLO with `promise_only`:
//                              ◄──  PROMISED (text): why not; empty when it is counted
// and keeps the connection: for as long as it is there its RAM counts as promised. It says nothing more, and
// is told nothing.
//
// An agent that has lost a daemon and finds it again (it hung, say) names its former membership in HELLO.
// When the WELCOME has the same one, the agent has it back, with all references that the daemon counts:
//     RETAINED_OUT (page ranges)    ──►              which of these are slots
//     RETAINED (page ranges)        ──►              what it still maps of the frames it was granted, in
//                                                    ascending order; an empty one ends the list. The other
//                                                    references go. Before that it says nothing else
//
// A *page* on the wire is a PageIndex: the ordinal of a page in the guest's RAM. All numbers are in host byte
// order, all structures have no padding. A message that breaks a rule of this file, or that contradicts what
// the daemon knows, ends the session and nothing else.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/framing.hpp"
#include "base/types.hpp"
#include "dedup/digest.hpp"
#include "dedup/report.hpp"

namespace samepage::dedup::wire {

inline constexpr std::uint32_t magic = 0x31'47'50'53;  // "SPG1"
inline constexpr std::uint32_t version = 7;

enum class Type : std::uint32_t {
  // From agents. hello and query come first on a connection; a query is from a command and is JSON both ways.
  hello = 1,
  offer,
  donated,
  merged,
  broken,
  withdraw,
  report,
  image,
  sync,
  retained,
  page_out,
  cold,
  warm,
  retained_out,
  used,
  cpu_time,
  room,
  // From the daemon.
  welcome = 64,
  refused,
  verdict,
  knobs,
  synced,
  paging_file,
  promised,
  cpu_turn,
  kept_out,
  guard,
  // Commands.
  query = 128,
  reply,
  reply_part,  // of an answer that is longer than a message; more follows
};

/// Room for the name of a guest or the label of a domain, with the zero behind it.
inline constexpr std::size_t max_name = 64;
/// What names and labels are made of: 1 to max_name - 1 letters, digits, dots, underscores and dashes.
[[nodiscard]] bool is_name(std::string_view text);
/// Most pages that one guest may have: 1 TiB. The daemon's metadata number the pages of a domain with 30
/// bits.
inline constexpr std::uint32_t max_pages = 1U << 28;
/// Entries of one list in a message at most; keeps messages far below max_payload.
inline constexpr std::size_t max_offers = 4096;
inline constexpr std::size_t max_entries = 16384;
static_assert(max_entries * 2 * 12 < max_payload);

/// Calls send(part) for one part of `list` after the other, each short enough for one message. Stops and is
/// false when `send` is false. Every list that is sent goes through this.
template <typename T, typename Send>
[[nodiscard]] bool send_in_parts(std::span<const T> list, std::size_t most, Send send) {
  while (!list.empty()) {
    const std::size_t count = std::min(most, list.size());
    if (!send(list.first(count))) return false;
    list = list.subspan(count);
  }
  return true;
}

/// Longest question of a command, and longest part of an answer, in bytes.
inline constexpr std::size_t max_query = 4096;
inline constexpr std::size_t max_reply_part = std::size_t{32} << 10;

struct Hello {
  std::uint32_t magic = wire::magic;
  std::uint32_t version = wire::version;
  std::uint32_t pages = 0;
  /// 1: nothing but zero pages are given back, no offers will come; or promise_only.
  std::uint32_t zero_only = 0;
  char guest[max_name] = {};  // zero-padded
  char domain[max_name] = {};
  std::uint64_t former_membership = 0;  // at a daemon that was lost; 0: none
};

/// In Hello::zero_only: the guest does not join, its RAM is to be counted.
inline constexpr std::uint32_t promise_only = 2;

/// What can be tuned while all runs. The daemon has the master copy; agents get it whole.
struct Knobs {
  std::uint32_t merging = 1;        // 0: agents look at nothing; what is merged stays merged
  std::uint32_t interval_ms = 100;  // least time between two passes: how long a page must be quiet
  std::uint32_t max_interval_ms =
      2000;                        // passes that find nothing are done less and less often, down to this
  std::uint32_t cpu_percent = 10;  // of all processors, at most, for the daemon and all agents; 100: no bound
  std::uint32_t hold_budget_us = 500;  // a guest is let go after this long, and held again for the rest
};

/// Comes with two descriptors: the store, to read and to map privately; the staging area, to write.
struct Welcome {
  std::uint32_t version = wire::version;
  std::uint32_t staging_slots = 0;  // pages of the staging area
  std::uint32_t max_frames = 0;     // every frame of the store that will ever be granted is below
  Knobs knobs;
  std::uint32_t ends_when_idle = 0;       // 1: whoever started the first guest has started it, and may again
  std::uint32_t takes_whole_reports = 0;  // 0: of a REPORT the part that all daemons know
  std::uint64_t membership = 0;           // no two are equal, of one daemon or of two
  DigestSecret secret{};
};

/// The same, but its agents know no GUARD, and the end of its REPORT does not tell how much memory is left.
inline constexpr std::uint32_t version_without_guard = 6;

/// The same, but its agents know no KEPT_OUT, and the end of its REPORT tells of no shortage.
inline constexpr std::uint32_t version_without_shortages = 5;

/// The same, but its agents ask for no CPU_TURN: each keeps to so many percent of one core by itself.
inline constexpr std::uint32_t version_without_turns = 4;

/// The same but for slots of paging files, which an agent of that version is never granted, and for the end
/// of its REPORT.
inline constexpr std::uint32_t version_without_paging = 3;

/// HELLO and WELCOME of version 2, whose guests may still run when samepaged is replaced. What they know of
/// the rest is the same; they have no membership to come back to.
inline constexpr std::uint32_t former_version = 2;
struct FormerHello {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t pages = 0;
  std::uint32_t zero_only = 0;
  char guest[max_name] = {};
  char domain[max_name] = {};
};
struct FormerWelcome {
  std::uint32_t version = former_version;
  std::uint32_t staging_slots = 0;
  std::uint32_t max_frames = 0;
  Knobs knobs;
  DigestSecret secret{};
};

struct Offer {
  std::uint64_t digest = 0;
  PageIndex page;
  std::uint32_t reserved = 0;
};

// As it is on the wire: the ordinal of the first page, then the number of pages.
static_assert(sizeof(PageRange) == 8 && std::has_unique_object_representations_v<PageRange>);

/// Pages page, page + 1, ... are to be mapped to frames frame, frame + 1, ... A page that is merged already
/// is granted another frame only where that is a slot of a paging file, and its own frame is none.
struct Grant {
  PageIndex page;
  FrameId frame;
  std::uint32_t count = 0;

  [[nodiscard]] PageRange pages() const { return {page, count}; }
};

/// Page is to be copied into the slot of the staging area (request), or has been (DONATED).
struct Donation {
  PageIndex page;
  std::uint32_t slot = 0;
};

/// Of the slots in a paging file (dedup/frame_numbers.hpp).
struct PagingFile {
  std::uint32_t file = 0;
  std::uint32_t leaving = 0;  // 1: the agent is to take back what it has there; no descriptor if it has one
  char path[256] = {};        // of the paging file, zero-padded, for people; cut off where it is longer
};

/// SYNC and its answer, SYNCED: numbers are the agent's own.
struct Sync {
  std::uint32_t number = 0;
};

/// What an agent's thread has used, in microseconds, as REPORT's merge_cpu_us counts it.
struct CpuTime {
  std::uint64_t used_us = 0;
  std::uint64_t wants = 0;  // 1: a turn
};
struct CpuTurn {
  std::uint64_t time_us = 0;
};

/// How much memory is left to a guest, and what it does with it.
enum class Taking : std::uint32_t {
  nothing,  // it runs, and takes no more
  more,     // it runs
  stands,   // it stands still until it is told to go on
};
struct Room {
  std::uint64_t available = 0;  // bytes: of its cgroup or host
  std::uint64_t low = 0;        // bytes: below this the fastest is to stand still
  std::uint64_t place = 0;      // which cgroup or host that is (MemoryRoom)
  std::uint64_t rate = 0;       // bytes a second that it takes, or took before it stood still
  Taking taking = Taking::nothing;
  std::uint32_t reserved = 0;
};
/// What the daemon orders because of it.
enum class GuardOrder : std::uint32_t { none, stand, go };
struct Guard {
  std::uint32_t guarded = 0;  // 0: the knob break-guard is off; nobody stands still
  GuardOrder order = GuardOrder::none;
};

/// The bytes of a message's fixed part.
template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
  return std::as_bytes(std::span(&value, 1));
}

/// A message that is one T; empty when it is of another size.
template <typename T>
std::optional<T> read_one(std::span<const std::byte> payload) {
  if (payload.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, payload.data(), sizeof(T));
  return value;
}

/// A message's list of Ts, read where it lies.
template <typename T>
class List {
 public:
  /// Bytes that are a part of a T are left over.
  explicit List(std::span<const std::byte> bytes = {}) : bytes_(bytes) {}
  [[nodiscard]] bool whole() const { return bytes_.size() % sizeof(T) == 0; }
  [[nodiscard]] std::size_t size() const { return bytes_.size() / sizeof(T); }
  [[nodiscard]] T operator[](std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at * sizeof(T), sizeof(T));
    return value;
  }
  [[nodiscard]] std::vector<T> copy() const {
    std::vector<T> values(size());
    if (!values.empty()) std::memcpy(values.data(), bytes_.data(), values.size() * sizeof(T));
    return values;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// A HELLO of this version or the former one; empty for any other. `version` says which it was.
std::optional<Hello> decode_hello(std::span<const std::byte> payload);

/// VERDICT: grants, then donation requests; at most max_entries of each.
struct Verdict {
  std::vector<Grant> grants;
  std::vector<Donation> donate;

  [[nodiscard]] bool empty() const { return grants.empty() && donate.empty(); }
};
std::vector<std::byte> encode(const Verdict& verdict);
std::optional<Verdict> decode_verdict(std::span<const std::byte> payload);

/// MERGED: ranges that are mapped now, then ranges that are not (they had changed, or could not be mapped);
/// at most max_entries of each. Ranges of one message are in ascending order and do not overlap, in each
/// list.
struct Merged {
  std::vector<PageRange> kept;
  std::vector<PageRange> refused;

  [[nodiscard]] bool empty() const { return kept.empty() && refused.empty(); }
};
std::vector<std::byte> encode(const Merged& merged);
std::optional<Merged> decode_merged(std::span<const std::byte> payload);
/// The same message, read where it lies.
struct MergedLists {
  List<PageRange> kept;
  List<PageRange> refused;
};
std::optional<MergedLists> view_merged(std::span<const std::byte> payload);

/// Whether `next` begins where `grant` ends, pages and frames both.
bool continues(const Grant& grant, const Grant& next);
/// Appends one page to ranges in which consecutive pages are one range.
void append_page(std::vector<PageRange>& ranges, PageIndex page);
/// The same for a range.
void append_range(std::vector<PageRange>& ranges, const PageRange& range);
/// Appends one page and its frame to grants in which consecutive pairs are one grant.
void append_grant(std::vector<Grant>& grants, PageIndex page, FrameId frame);
/// The order in which neighbours meet, of grants, offers and donations.
inline constexpr auto by_page = [](const auto& a, const auto& b) { return a.page < b.page; };
/// Sorts ranges by their first pages.
void sort_by_page(std::vector<PageRange>& ranges);

}  // namespace samepage::dedup::wire
