// SPDX-License-Identifier: Apache-2.0
// One merge domain: its guests, the records of their pages, the store with the frames, and the secret of its
// digests. Only guests of one domain ever share a frame. Carries out what the Merger decides; talks to agents
// through GuestLink.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dedup/daemon/account.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/daemon/merger.hpp"
#include "dedup/daemon/paging/domain_slots.hpp"
#include "dedup/daemon/store_shortage.hpp"
#include "dedup/daemon/store_trimmer.hpp"
#include "dedup/daemon/turn.hpp"
#include "dedup/digest.hpp"
#include "dedup/domain_label.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// The way to a guest's agent. Pages are ordinals in the guest's RAM.
class GuestLink {
 public:
  virtual ~GuestLink() = default;
  virtual void grant(PageIndex page, FrameId frame) = 0;
  virtual void request_donation(PageIndex page) = 0;
  /// Whether the agent can map slots of that paging file.
  [[nodiscard]] virtual bool has_file(unsigned file) const = 0;
  /// All that was ordered since the last call may go out.
  virtual void flush() = 0;
};

class Domain {
 public:
  using Offers = wire::List<wire::Offer>;
  using Ranges = wire::List<PageRange>;

  /// Where its pages go out to.
  struct Paging {
    PagingFiles& files;
    DomainSlots::Post post;
  };
  /// `account` is the owner's, `shortages` are the daemon's and must outlive it. Throws std::system_error
  /// when the store or the records can't be made.
  Domain(std::string label, uid_t owner, std::shared_ptr<Account> account, std::uint32_t max_frames,
         DupPolicy dup_policy, Paging paging, Shortages& shortages);

  /// The guest's first page number: its handle from now on. `link` must live until detach(). Throws when
  /// there is no room for the guest's pages; then nothing has changed.
  PageId join(std::uint32_t pages, GuestLink& link);
  /// The agent can't be reached any more; the references of its process stay. go_on() does the rest, and
  /// take_unreferenced() tells when there turn out to be none.
  void detach(PageId guest);
  /// Guests that were detached and have no references.
  [[nodiscard]] std::vector<PageId> take_unreferenced() { return std::exchange(unreferenced_, {}); }
  /// The agent is back, behind another link; it says next what it retains.
  void reattach(PageId guest, GuestLink& link);
  /// The process is gone, with everything that it had mapped. go_on() does the rest.
  void leave(PageId guest);

  /// How far a message has been carried out: nothing of it at first.
  struct Reached {
    std::size_t entry = 0;   // of the list
    std::uint32_t page = 0;  // of that range: so many of its pages are done
    PageIndex past_end;      // of the range before it
  };
  // What agents say, carried out from `reached` on for as long as the turn lasts. A violation tells that a
  // page is out of range or that the records say otherwise.
  Progress offer(PageId guest, const Offers& offers, Merger::FirstSighting first, Reached& reached,
                 Turn& turn);
  Progress withdraw(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  Progress answered(PageId guest, const Ranges& pages, Merger::Answer answer, Reached& reached, Turn& turn);
  Progress broken(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  Progress cold(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  Progress warm(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  /// What is no slot (any more) is passed over: only figures come of it.
  Progress used(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  /// After reattach(): what the guest still maps, part by part in ascending order. What is left out has no
  /// reference any more. An empty part is the last one; then settled() is true.
  Progress retained(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  /// Before the first part: those of them that map slots.
  Progress retained_out(PageId guest, const Ranges& pages, Reached& reached, Turn& turn);
  [[nodiscard]] bool settled(PageId guest) const;
  /// `bytes` is a page that the daemon has copied to where the agent can't change it.
  Merger::Outcome donated(PageId guest, PageIndex page, std::span<const std::byte> bytes, Turn& turn);

  /// Does what the Merger ordered: gives memory back, tells agents. Call after each of the above.
  void carry_out();

  /// What takes more than a turn and is nobody's message: guests that go, pages that wait for a frame that
  /// many wait for, donors that are silent, trim(). True when all is done.
  [[nodiscard]] bool go_on(Turn& turn);

  /// Whether go_on() has something to do.
  [[nodiscard]] bool busy() const { return !departing_.empty() || merger_.busy() || trimmer_.busy(); }

  /// Once a second; see Merger. go_on() does it.
  void pass_over_silent_donors() { merger_.pass_over_silent_donors(); }
  /// About once a second: tries whether there is memory for frames again, where there was none.
  void retry_frames();
  /// What its store lacks, and how many pages wait for that.
  [[nodiscard]] std::optional<Resource> lacks() const { return shortage_.lacks(); }
  [[nodiscard]] std::uint64_t waiting() const { return lacks() ? merger_.counts().pages_pending : 0; }
  /// Gives back memory of the store that belongs to no frame: a peer that reads a hole of it makes the kernel
  /// put a page there. go_on() does it.
  void trim() { trimmer_.begin(); }

  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] bool uniform() const { return mode_of(label_) == DomainMode::uniform; }
  [[nodiscard]] uid_t owner() const { return owner_; }
  [[nodiscard]] const DigestSecret& secret() const { return secret_; }
  [[nodiscard]] const FrameStore& store() const { return store_; }
  [[nodiscard]] const Merger& merger() const { return merger_; }
  /// Descriptors of its slots in each paging file that an agent has not been told of, as far as they can be
  /// made just now.
  [[nodiscard]] std::vector<OpenSlots> open_slots(const GuestLink& link);
  [[nodiscard]] DomainSlots& slots() { return slots_; }
  [[nodiscard]] const DomainSlots& slots() const { return slots_; }
  [[nodiscard]] bool empty() const { return guests_.empty(); }

 private:
  enum class Departure : std::uint8_t { none, detaches, leaves };
  struct Guest {
    std::uint32_t pages = 0;
    GuestLink* link = nullptr;
    Departure departure = Departure::none;
    std::uint32_t done = 0;   // pages that have been dealt with, while it departs
    bool referenced = false;  // as far as that is known, while it detaches
    // It has said of the pages before this one which it retains; of the others nothing is said to it.
    std::optional<std::uint32_t> retained_to = {};
    GuestLink* returning = nullptr;
  };
  struct Recipient {
    GuestLink* link;
    PageIndex page;
  };

  enum class WithoutRecord : std::uint8_t { visited, skipped };  // pages

  template <typename Act>
  Progress for_each_page(PageId guest, const Ranges& ranges, WithoutRecord others, Reached& reached,
                         Turn& turn, Act act);
  void depart(PageId guest, Departure departure);
  bool go_on_departing(Turn& turn);
  bool release_up_to(PageId guest, std::uint32_t end, Turn& turn);
  std::optional<Recipient> recipient_of(PageId page);
  [[nodiscard]] CopyFrame dup_maker();
  bool copy_frame(FrameId from, FrameId to);
  bool write_frame(FrameId frame, std::span<const std::byte> bytes);
  void slots_written(const std::vector<FrameId>& slots, int error);
  void copy_to_twin(FrameId frame);

  std::string label_;
  uid_t owner_;
  std::shared_ptr<Account> account_;
  DigestSecret secret_ = random_digest_secret();
  FrameStore store_;
  StoreShortage shortage_;
  DomainSlots slots_;
  Merger merger_;
  StoreTrimmer trimmer_{store_, merger_.records()};
  std::map<PageId, Guest> guests_;  // by the number of their first page
  std::deque<PageId> departing_;
  std::vector<PageId> unreferenced_;
};

}  // namespace samepage::dedup
