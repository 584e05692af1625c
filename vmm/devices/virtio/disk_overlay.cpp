// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/disk_overlay.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/laid_over.hpp"
#include "base/open_again.hpp"
#include "base/unnamed_file.hpp"
#include "vmm/devices/virtio/written_content.hpp"

namespace samepage::vmm {
namespace {

// Zeros are written in pieces, so that whoever freezes a disk does not wait for gigabytes of them.
constexpr std::uint64_t zeroed_at_once = 2048;  // sectors

std::uint64_t byte_of(std::uint64_t sector) {
  return sector * sector_bytes;
}

bool put_zeros(int fd, std::uint64_t sector, std::uint64_t count) {
  if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(byte_of(sector)),
                  static_cast<off_t>(byte_of(count))) == 0)
    return true;
  static constexpr std::array<std::byte, 32 * sector_bytes> zeros{};
  for (const std::uint64_t end = sector + count; sector < end;) {
    const std::uint64_t part = std::min<std::uint64_t>(end - sector, zeros.size() / sector_bytes);
    if (!write_fully(fd, byte_of(sector), std::span(zeros).first(byte_of(part)))) return false;
    sector += part;
  }
  return true;
}

}  // namespace

struct DiskOverlay::Layer {
  UniqueFd file;
  SectorSet sectors;
};

DiskOverlay::DiskOverlay(std::uint64_t sectors) : sectors_(sectors), newest_(new_layer()) {}

std::shared_ptr<DiskOverlay::Layer> DiskOverlay::new_layer() const {
  UniqueFd file = unnamed_file("a disk's changes");
  check(::ftruncate(file.get(), static_cast<off_t>(byte_of(sectors_))), "ftruncate of a disk's overlay");
  return std::make_shared<Layer>(Layer{std::move(file), SectorSet(sectors_)});
}

DiskOverlay::Place DiskOverlay::place_of(std::uint64_t sector, std::uint64_t most) const {
  const std::lock_guard lock(mutex_);
  const auto look = [&](const std::shared_ptr<const Layer>& layer) {
    most = layer->sectors.same_until(sector, sector + most) - sector;
    return layer->sectors.has(sector);
  };
  const auto in = [&](const std::shared_ptr<const Layer>& layer) {
    return Place{most, layer->file.get(), byte_of(sector), layer};
  };
  if (look(newest_)) return in(newest_);
  for (auto layer = frozen_.rbegin(); layer != frozen_.rend(); ++layer) {
    if (look(*layer)) return in(*layer);
  }
  const std::span<const WrittenRun> runs = content_->runs;
  const std::uint64_t byte = byte_of(sector);
  const auto run = run_at(runs, byte);
  if (run == runs.end() || run->first >= byte + byte_of(most)) return {most, -1, 0, nullptr};
  if (run->first > byte) return {(run->first - byte) / sector_bytes, -1, 0, nullptr};
  const FrozenFile& file = content_->files[run->file];
  return {std::min(most, (run->end() - byte) / sector_bytes), file->get(), run->at + (byte - run->first),
          file};
}

std::uint64_t DiskOverlay::life() const {
  const std::lock_guard lock(mutex_);
  return life_;
}

template <typename Write>
DiskOverlay::Wrote DiskOverlay::change(std::uint64_t sector, std::uint64_t count, std::uint64_t life,
                                       Write write) {
  const std::lock_guard lock(mutex_);
  if (life != life_) return Wrote::undone;
  if (!write(newest_->file.get())) return Wrote::failed;
  newest_->sectors.add(sector, count);
  return Wrote::all;
}

DiskOverlay::Wrote DiskOverlay::write(std::uint64_t sector, std::span<const std::byte> from,
                                      std::uint64_t life) {
  return change(sector, from.size() / sector_bytes, life,
                [&](int fd) { return write_fully(fd, byte_of(sector), from); });
}

DiskOverlay::Wrote DiskOverlay::write_zeroes(std::uint64_t sector, std::uint64_t count, std::uint64_t life) {
  while (count != 0) {
    const std::uint64_t part = std::min(count, zeroed_at_once);
    const Wrote wrote = change(sector, part, life, [&](int fd) { return put_zeros(fd, sector, part); });
    if (wrote != Wrote::all) return wrote;
    sector += part;
    count -= part;
  }
  return Wrote::all;
}

void DiskOverlay::begin_from(WrittenContent content) {
  const std::lock_guard lock(mutex_);
  content_ = begun_from_ = std::make_shared<const WrittenContent>(std::move(content));
}

void DiskOverlay::prepare() {
  if (!next_) next_ = new_layer();
  const std::lock_guard lock(mutex_);
  frozen_.reserve(frozen_.size() + 1);
}

void DiskOverlay::freeze() {
  const std::lock_guard lock(mutex_);
  if (newest_->sectors.empty()) return;
  invariant(next_ != nullptr, "a disk is frozen unprepared");
  frozen_.push_back(std::exchange(newest_, std::move(next_)));
}

// Frozen files change no more and nobody else freezes: only what the other thread sees needs the lock.
WrittenContent DiskOverlay::frozen() {
  if (!frozen_.empty()) {
    WrittenContent now = *content_;
    for (const std::shared_ptr<const Layer>& layer : frozen_) {
      const auto number = static_cast<std::uint32_t>(now.files.size());
      now.files.push_back(std::make_shared<const UniqueFd>(
          open_to_read(layer->file.get(), "open of what a guest has written")));
      std::vector<WrittenRun> runs;
      layer->sectors.for_each_range([&](std::uint64_t first, std::uint64_t end) {
        runs.push_back({byte_of(first), byte_of(end - first), number, byte_of(first)});
      });
      now.runs = laid_over<WrittenRun>(now.runs, runs);
    }
    auto content = std::make_shared<const WrittenContent>(compact(std::move(now)));
    const std::lock_guard lock(mutex_);
    content_ = std::move(content);
    frozen_.clear();
  }
  return *content_;
}

void DiskOverlay::put_back() {
  const std::lock_guard lock(mutex_);
  invariant(next_ != nullptr, "a disk is put back unprepared");
  newest_ = std::move(next_);
  frozen_.clear();
  content_ = begun_from_;
  ++life_;
}

}  // namespace samepage::vmm
