// SPDX-License-Identifier: Apache-2.0
// What a guest has written to a disk whose file stays as it is. It goes to a sparse file without a name, at
// its own offset. When the guest is copied that file is frozen and the guest goes on with a new one, as do
// its clones: none of them ever sees a write of another, and nothing is copied.
//
//     new file                  what was written since; bits say where
//     frozen file ...           that the guest was copied with; until they are counted among
//     content                   runs of files that never change: of the guest itself, of those that it is a
//                               clone of, or of a snapshot
//     the disk's file           is not known here
//
// One thread writes (the devices'), another one copies and puts back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/devices/virtio/sector_set.hpp"
#include "vmm/devices/virtio/written_runs.hpp"

namespace samepage::vmm {

/// A file that nobody writes any more.
using FrozenFile = std::shared_ptr<const UniqueFd>;

/// What is written of a device at one moment. It never changes.
struct WrittenContent {
  std::vector<WrittenRun> runs;  // in ascending order, without overlap
  std::vector<FrozenFile> files;
};

class DiskOverlay {
 public:
  /// Throws UserError where there is no room for a file, std::system_error.
  explicit DiskOverlay(std::uint64_t sectors);

  // --- For the devices' thread ----------------------------------------------------------------------------
  /// Where some sectors are from `sector` on, at most `most`.
  struct Place {
    std::uint64_t sectors = 0;
    int fd = -1;                       // -1: in the disk's file
    std::uint64_t at = 0;              // of `fd`
    std::shared_ptr<const void> file;  // keeps `fd` open
  };
  [[nodiscard]] Place place_of(std::uint64_t sector, std::uint64_t most) const;

  /// Grows when the guest is put back: what a request wanted to write before is void then.
  [[nodiscard]] std::uint64_t life() const;
  enum class Wrote : std::uint8_t {
    all,
    failed,  // the host could not
    undone,  // the guest was put back since `life`
  };
  [[nodiscard]] Wrote write(std::uint64_t sector, std::span<const std::byte> from, std::uint64_t life);
  /// Makes sectors read as zeros.
  [[nodiscard]] Wrote write_zeroes(std::uint64_t sector, std::uint64_t count, std::uint64_t life);

  // --- For whoever copies the guest
  // -------------------------------------------------------------------------
  /// Before the guest has begun: what it goes on from.
  void begin_from(WrittenContent content);
  /// Makes what freeze() and put_back() need. Throws UserError, std::system_error; then nothing has changed.
  void prepare();
  /// While the guest is held, after prepare(): all that was written by now never changes.
  void freeze();
  /// What was written when it was frozen last. Throws std::system_error.
  [[nodiscard]] WrittenContent frozen();
  /// While the guest is held, after prepare(): what was written since begin_from() is gone.
  void put_back();

 private:
  struct Layer;
  using Content = std::shared_ptr<const WrittenContent>;

  [[nodiscard]] std::shared_ptr<Layer> new_layer() const;
  template <typename Write>
  [[nodiscard]] Wrote change(std::uint64_t sector, std::uint64_t count, std::uint64_t life, Write write);

  std::uint64_t sectors_;
  std::shared_ptr<Layer> next_;  // takes the newest one's place

  mutable std::mutex mutex_;  // of all below; held while a piece is written, so that nothing frozen changes
  std::shared_ptr<Layer> newest_;
  std::vector<std::shared_ptr<const Layer>> frozen_;  // the oldest one first
  Content content_ = std::make_shared<const WrittenContent>();
  Content begun_from_ = content_;
  std::uint64_t life_ = 0;
};

}  // namespace samepage::vmm
