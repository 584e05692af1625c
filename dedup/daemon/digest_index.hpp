// SPDX-License-Identifier: Apache-2.0
// Digest -> where it was seen: the one page, or the frame. An open-addressing table of four bytes a slot that
// holds no digests itself: they are in the records (frame_refs.hpp), which the table asks through `DigestOf`.
// Linear probing; a removed entry's followers move up, so that no tombstones pile up. Where an entry goes
// depends on a key that agents don't know: they can't choose digests that all go to one place.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/growing_mapping.hpp"
#include "dedup/daemon/keyed_hash.hpp"
#include "dedup/daemon/sighting.hpp"
#include "dedup/digest.hpp"

namespace samepage::dedup {

/// `DigestOf` is called with a Sighting that is in the table and returns its Digest.
template <typename DigestOf>
class DigestIndex {
 public:
  explicit DigestIndex(DigestOf digest_of) : digest_of_(std::move(digest_of)) { table_.make(min_slots); }

  [[nodiscard]] std::optional<Sighting> find(Digest digest) const {
    const std::size_t hash = hash_(digest.value);
    const std::optional<Sighting> seen = find_in(table_, hash, digest);
    return seen || old_.slots() == 0 ? seen : find_in(old_, hash, digest);
  }

  /// Has the processor fetch what find() will read: of the table, and once that is there, the record.
  void prefetch(Digest digest) const { __builtin_prefetch(&table_.at(table_.home(hash_(digest.value)))); }
  void prefetch_record(Digest digest) const { prefetch_record(table_.at(table_.home(hash_(digest.value)))); }

  /// Makes sure that insert() finds room. Throws std::system_error, and then nothing has changed.
  void make_room() {
    if (old_.slots() == 0 && (size_ + 1) * 4 > table_.slots() * 3) begin_move(table_.slots() * 2);
  }

  /// `digest` must not be in the table yet, and make_room() has been called.
  void insert(Digest digest, Sighting sighting) {
    place(digest, sighting);
    ++size_;
    move_some();
  }

  /// What `digest` stands for changes from `from`, which must be in the table, to `to`.
  void replace(Digest digest, Sighting from, Sighting to) {
    const Place found = place_of(digest, from);
    found.table->set(found.at, to);
  }

  /// Removes `sighting`, which must be in the table; `digest_of` is still right for it.
  void erase(Digest digest, Sighting sighting) {
    const Place found = place_of(digest, sighting);
    remove(*found.table, found.at);
    --size_;
    move_some();
    if (old_.slots() != 0 || table_.slots() <= min_slots || size_ * 8 >= table_.slots()) return;
    try {
      begin_move(table_.slots() / 2);
    } catch (const std::system_error&) {
      // No memory for a smaller table: the larger one will do.
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t memory_bytes() const { return (table_.slots() + old_.slots()) * sizeof(Slot); }
  /// Slots that were looked at so far.
  [[nodiscard]] std::uint64_t probes() const { return probes_; }

 private:
  // A Sighting or nothing, in the size of a Sighting: all ones is no page (max_pages is lower) and no frame.
  // Kept inverted, so that zeroed memory is empty.
  class Slot {
   public:
    explicit operator bool() const { return inverted_ != 0; }
    Sighting operator*() const { return Sighting::from_word(~inverted_); }
    void set(Sighting sighting) { inverted_ = ~sighting.word(); }
    void clear() { inverted_ = 0; }

   private:
    std::uint32_t inverted_;
  };
  static_assert(sizeof(Slot) == 4);
  static constexpr std::size_t min_slots = 1024;
  // Of the old table, after so many insertions or removals: so many slots that the records they lead to can
  // be fetched side by side, and few enough that nobody waits. One that shrinks is nearly empty.
  static constexpr std::size_t steps_between_moves = 8;
  static constexpr std::size_t moved_at_once = 64, moved_at_once_to_less = 512;

  // Linear probing in a power of two of slots.
  class Table {
   public:
    void make(std::size_t slots) {
      memory_.grow(slots);
      slots_ = slots;
    }
    void drop() { *this = Table(); }
    [[nodiscard]] std::size_t slots() const { return slots_; }
    [[nodiscard]] const Slot& at(std::size_t at) const { return memory_[at]; }
    void set(std::size_t at, Sighting sighting) { memory_[at].set(sighting); }
    void clear(std::size_t at) { memory_[at].clear(); }
    void forget(std::size_t begin, std::size_t end) { memory_.clear(begin, end); }
    [[nodiscard]] std::size_t home(std::size_t hash) const { return hash & (slots_ - 1); }
    [[nodiscard]] std::size_t next(std::size_t at) const { return wrapped(at + 1); }
    [[nodiscard]] std::size_t wrapped(std::size_t at) const { return at & (slots_ - 1); }
    [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
      return (to - from) & (slots_ - 1);
    }

   private:
    GrowingArray<Slot> memory_;
    std::size_t slots_ = 0;
  };
  struct Place {
    Table* table;
    std::size_t at;
  };

  [[nodiscard]] std::size_t hash_of(Sighting sighting) const { return hash_(digest_of_(sighting).value); }

  std::optional<Sighting> find_in(const Table& table, std::size_t hash, Digest digest) const {
    for (std::size_t at = table.home(hash); table.at(at); at = table.next(at)) {
      ++probes_;
      if (digest_of_(*table.at(at)) == digest) return *table.at(at);
    }
    return std::nullopt;
  }

  // Nearly all time that moving an entry takes is waiting for its record.
  void prefetch_record(const Slot& slot) const {
    if constexpr (requires { digest_of_.prefetch(*slot); }) {
      if (slot) digest_of_.prefetch(*slot);
    }
  }

  Place place_of(Digest digest, Sighting sighting) {
    const std::size_t hash = hash_(digest.value);
    for (Table* table : {&table_, &old_}) {
      if (table->slots() == 0) continue;
      for (std::size_t at = table->home(hash); table->at(at); at = table->next(at)) {
        ++probes_;
        if (*table->at(at) == sighting) return {table, at};
      }
    }
    invariant(false, "the index has lost an entry");
    return {};
  }

  void place(Digest digest, Sighting sighting) {
    std::size_t at = table_.home(hash_(digest.value));
    for (; table_.at(at); at = table_.next(at)) ++probes_;
    table_.set(at, sighting);
  }

  void remove(Table& table, std::size_t hole) {
    for (std::size_t at = table.next(hole); table.at(at); at = table.next(at)) {
      ++probes_;
      // An entry may move up into the hole unless its home lies between the hole and itself.
      const std::size_t from_home = table.distance(table.home(hash_of(*table.at(at))), at);
      if (from_home >= table.distance(hole, at)) {
        table.set(hole, *table.at(at));
        hole = at;
      }
    }
    table.clear(hole);
  }

  // A table of another size takes the entries over a few at a time: nobody waits while millions are moved.
  void begin_move(std::size_t slots) {
    Table other;
    other.make(slots);
    old_ = std::exchange(table_, std::move(other));
    moved_ = steps_ = 0;
    for (first_ = 0; old_.at(first_); ++first_) ++probes_;
  }

  // From an empty slot on, and whole runs of entries only: what is left stays where it can be found.
  void move_some() {
    if (old_.slots() == 0 || ++steps_ % steps_between_moves != 0) return;
    const std::size_t enough =
        moved_ + (table_.slots() < old_.slots() ? moved_at_once_to_less : moved_at_once);
    for (std::size_t i = moved_; i < enough; ++i) prefetch_record(old_.at(old_.wrapped(first_ + i)));
    for (;; ++moved_) {
      if (moved_ == old_.slots()) return old_.drop();
      const std::size_t at = old_.wrapped(first_ + moved_);
      if (at % forgotten_at_once == 0 && at >= first_ + forgotten_at_once) {
        old_.forget(at - forgotten_at_once, at);
      }
      if (!old_.at(at)) {
        if (moved_ >= enough) return;
        continue;
      }
      const Sighting sighting = *old_.at(at);
      old_.clear(at);
      place(digest_of_(sighting), sighting);
    }
  }
  // So that dropping the old table takes no time: its memory is gone by then.
  static constexpr std::size_t forgotten_at_once = 16384;

  DigestOf digest_of_;
  KeyedHash hash_;
  Table table_;
  Table old_;              // while its entries are moved to table_
  std::size_t first_ = 0;  // slot of old_ that was empty when the move began
  std::size_t moved_ = 0;  // slots of old_ from there on that are empty for good
  std::size_t steps_ = 0;  // insertions and removals since
  std::size_t size_ = 0;   // of both
  mutable std::uint64_t probes_ = 0;
};

}  // namespace samepage::dedup
