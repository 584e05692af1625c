// SPDX-License-Identifier: Apache-2.0
// One merge domain: its guests, their books, the store with the frames, and the secret of its digests. Only
// guests of one domain ever share a frame. Carries out what the Merger decides; talks to agents through
// GuestLink.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dedup/daemon/frame_store.hpp"
#include "dedup/daemon/merger.hpp"
#include "dedup/digest.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// The way to a guest's agent. Pages are ordinals in the guest's RAM.
class GuestLink {
 public:
  virtual ~GuestLink() = default;
  virtual void grant(std::uint32_t page, FrameId frame) = 0;
  virtual void request_donation(std::uint32_t page) = 0;
  /// All that was ordered since the last call may go out.
  virtual void flush() = 0;
};

class Domain {
 public:
  using Pages = std::span<const wire::PageRange>;

  /// Throws std::system_error when the store or the books can't be made.
  Domain(std::string label, uid_t owner, std::uint32_t max_frames, DupPolicy dup_policy = {});

  /// The guest's first page number: its handle from now on. `link` must live until detach().
  PageId join(std::uint32_t pages, GuestLink& link);
  /// The agent can't be reached any more; the references of its process stay. False when there are none.
  bool detach(PageId guest);
  /// The agent is back, behind another link; it says next what it retains.
  void reattach(PageId guest, GuestLink& link);
  /// The process is gone, with everything that it had mapped.
  void leave(PageId guest);

  // What agents say. A violation tells that a page is out of range or that the books say otherwise.
  Merger::Outcome offer(PageId guest, std::span<const wire::Offer> offers,
                        Merger::FirstSighting first = Merger::FirstSighting::noted);
  Merger::Outcome withdraw(PageId guest, Pages pages);
  Merger::Outcome answered(PageId guest, Pages pages, Merger::Answer answer);
  Merger::Outcome broken(PageId guest, Pages pages);
  /// After reattach(): what the guest still maps, part by part in ascending order. What is left out has no
  /// reference any more. An empty part is the last one; then settled() is true.
  Merger::Outcome retained(PageId guest, Pages pages);
  [[nodiscard]] bool settled(PageId guest) const;
  /// `bytes` is a page that the daemon has copied to where the agent can't change it.
  Merger::Outcome donated(PageId guest, std::uint32_t page, std::span<const std::byte> bytes);

  /// Does what the Merger ordered: gives memory back, tells agents. Call after each of the above.
  void carry_out();

  /// Once a second; see Merger.
  void pass_over_silent_donors() {
    merger_.pass_over_silent_donors();
    carry_out();
  }
  /// Gives back memory of the store that belongs to no frame: a peer that reads a hole of it makes the kernel
  /// put a page there.
  void trim();

  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] uid_t owner() const { return owner_; }
  [[nodiscard]] const DigestSecret& secret() const { return secret_; }
  [[nodiscard]] const FrameStore& store() const { return store_; }
  [[nodiscard]] const Merger& merger() const { return merger_; }
  [[nodiscard]] bool empty() const { return guests_.empty(); }

 private:
  struct Guest {
    std::uint32_t pages = 0;
    GuestLink* link = nullptr;
    std::optional<std::uint32_t> retained_to =
        {};  // it has said of the pages before this one which it retains
  };
  struct Recipient {
    GuestLink* link;
    std::uint32_t page;  // its ordinal in the guest's RAM
  };

  template <typename Act>
  Merger::Outcome for_each_page(PageId guest, Pages ranges, Act act);
  std::optional<Recipient> recipient_of(PageId page);
  void reap(std::vector<FrameId> frames);
  bool copy_frame(FrameId from, FrameId to);

  std::string label_;
  uid_t owner_;
  DigestSecret secret_ = random_digest_secret();
  FrameStore store_;
  Merger merger_;
  std::map<std::uint32_t, Guest> guests_;  // by the number of their first page
};

}  // namespace samepage::dedup
