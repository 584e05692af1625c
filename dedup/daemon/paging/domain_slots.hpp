// SPDX-License-Identifier: Apache-2.0
// The slots of one domain: a file without a name beside each paging file, and how much of it is in use. What
// is to be written is collected, and goes to the file's writer as one job. The daemon's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/paging/disk_shortage.hpp"
#include "dedup/daemon/paging/paging_files.hpp"
#include "dedup/daemon/paging/slot_room.hpp"
#include "dedup/frame_numbers.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// A domain's slots in one paging file, as agents get them.
struct OpenSlots {
  wire::PagingFile message;
  UniqueFd slots;  // read-only
};

class DomainSlots final : public SlotRoom {
 public:
  /// Called by the daemon's thread when slots have been written, or could not be.
  using Written = std::function<void(const std::vector<FrameId>& slots, int error)>;
  /// Has the daemon's thread call something soon. Any thread.
  using Post = std::function<void(std::function<void()>)>;

  /// `files` and `shortages`, the daemon's, must outlive it. What comes after its end is dropped.
  DomainSlots(PagingFiles& files, Post post, Written written, Shortages& shortages);
  ~DomainSlots() override;
  DomainSlots(const DomainSlots&) = delete;
  DomainSlots& operator=(const DomainSlots&) = delete;

  // SlotRoom
  [[nodiscard]] std::optional<unsigned> next_file() override;
  [[nodiscard]] std::uint32_t end(unsigned file) const override { return parts_[file].end; }
  void all_taken(unsigned file) override { parts_[file].full = true; }
  [[nodiscard]] bool take(FrameId slot) override;
  [[nodiscard]] bool is_leaving(unsigned file) const override;
  void release(FrameId slot) noexcept override;

  /// Paging files that slots may be in.
  [[nodiscard]] std::vector<unsigned> files() const { return files_.numbers(); }
  /// A descriptor to hand to agents: it can be read and mapped, not written. Throws std::system_error.
  [[nodiscard]] OpenSlots open_read_only(unsigned file);
  /// The bytes of a slot that is granted to nobody yet. `written` hears of it some time after flush().
  void write(FrameId slot, std::span<const std::byte> bytes);
  /// What was written since the last call goes on its way.
  void flush();

  /// Slots that were given bytes which are not on the disk yet.
  [[nodiscard]] std::size_t on_their_way() const { return tickets_.size(); }
  /// So many frames of the store have gone out.
  void count_frames_out(std::uint64_t frames) { files_.count_frames_out(frames); }
  /// A guest has used a page that lies in that file.
  void came_in(unsigned file);
  /// Slots in use in that file.
  [[nodiscard]] std::uint64_t used(unsigned file) const;
  /// The file is gone, and nothing of it is in use.
  void close(unsigned file);
  /// About once a second: room that there was none of is asked for again.
  void retry();
  /// Whether pages do not go out for want of room, and how many.
  [[nodiscard]] const DiskShortage& shortage() const { return shortage_; }

 private:
  static constexpr std::uint32_t slots_of_segment =
      static_cast<std::uint32_t>(pages_in(PagingFile::segment_bytes).value);
  // Slots in a row, before another file has its turn.
  static constexpr std::uint32_t run = 64;

  struct Part {
    std::shared_ptr<const UniqueFd> file;
    std::vector<std::uint16_t> used;  // slots in use, a segment each
    std::uint32_t end = max_slots;    // there is no room for segments from here on
    bool full = false;
    std::vector<SlotWriter::Run> runs;                     // to be written
    std::vector<std::pair<FrameId, std::uint64_t>> slots;  // of these, with the ticket of each
  };
  void make_file(unsigned file);
  void done(unsigned file, const std::vector<std::pair<FrameId, std::uint64_t>>& slots, int error);

  void make_no_more(Part& part, const std::exception& error);

  PagingFiles& files_;
  Shortages& shortages_;
  DiskShortage shortage_;
  Post post_;
  Written written_;
  std::array<Part, max_paging_files> parts_;
  unsigned turn_ = 0;       // the file whose turn it is
  std::uint32_t left_ = 0;  // slots of its turn
  std::uint64_t last_ticket_ = 0;
  // Slots on their way to the disk: one that is released meanwhile, and used again, has another ticket.
  std::unordered_map<std::uint32_t, std::uint64_t> tickets_;
  std::shared_ptr<DomainSlots*> self_;
};

}  // namespace samepage::dedup
