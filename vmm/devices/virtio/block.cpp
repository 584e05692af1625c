// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/block.hpp"

#include <algorithm>

namespace samepage::vmm {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{64} << 10U;
constexpr std::uint32_t most_cleared_sectors = 1U << 22U;  // 2 GiB in one request
constexpr std::uint32_t most_segments = 254;               // a queue's size, less header and status

constexpr std::uint8_t ok = VIRTIO_BLK_S_OK;
constexpr std::uint8_t io_error = VIRTIO_BLK_S_IOERR;
constexpr std::uint8_t unsupported = VIRTIO_BLK_S_UNSUPP;

}  // namespace

Block::Block(DiskFile disk, std::string serial)
    : disk_(std::move(disk)), serial_(std::move(serial)), buffer_(buffer_bytes) {
  config_.capacity = disk_.sectors();
  config_.seg_max = most_segments;
  config_.max_discard_sectors = config_.max_write_zeroes_sectors = most_cleared_sectors;
  config_.max_discard_seg = config_.max_write_zeroes_seg = 1;
  config_.discard_sector_alignment = 1;
  config_.write_zeroes_may_unmap = 1;
}

std::uint64_t Block::features() const {
  std::uint64_t features = feature_bit(VIRTIO_BLK_F_SEG_MAX) | feature_bit(VIRTIO_BLK_F_FLUSH);
  if (!disk_.writable()) return features | feature_bit(VIRTIO_BLK_F_RO);
  return features | feature_bit(VIRTIO_BLK_F_DISCARD) | feature_bit(VIRTIO_BLK_F_WRITE_ZEROES);
}

void Block::read_config(std::uint64_t offset, std::span<std::byte> data) const {
  read_from(config_, offset, data);
}

void Block::serve(VirtioState& state) {
  Chain chain;
  while (state.take(0, chain)) {
    // A chain without room for a status can't be answered (virtio 1.2, 5.2.6).
    if (chain.writable_bytes == 0 || chain.readable_bytes < sizeof(Header)) return state.fail();
    const Outcome outcome = handle(state, chain);
    if (outcome.lost) continue;
    const auto status = std::byte{outcome.status};
    if (!state.copy_to(chain, chain.writable_bytes - 1, std::span(&status, 1))) continue;
    state.finish(chain, outcome.written + 1);
  }
}

std::optional<std::string_view> Block::restore(const DeviceState& state) {
  const auto* block = std::get_if<BlockState>(&state);
  if (block == nullptr) return of_another_kind;
  if (block->sectors != disk_.sectors()) return "its file has another size now";
  return std::nullopt;
}

// Each request may be carried out twice: once more by a guest that goes on from a state (QueueProgress).
Block::Outcome Block::handle(VirtioState& state, const Chain& chain) {
  // Before anything is read of the chain: that fails for one from before the guest was put back. So what is
  // written belongs to this life or is not written.
  life_ = disk_.life();
  std::array<std::byte, sizeof(Header)> bytes{};
  if (!state.copy_from(chain, 0, bytes)) return {.lost = true};
  Header header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  const Outcome outcome = perform(state, chain, header);
  if (!outcome.lost) count(header, chain, outcome);
  return outcome;
}

void Block::count(const Header& header, const Chain& chain, const Outcome& outcome) {
  if (outcome.status != ok) return counts_.errors.add(1);
  switch (header.type) {
    case VIRTIO_BLK_T_IN:
      counts_.read_requests.add(1);
      return counts_.read_bytes.add(outcome.written);
    case VIRTIO_BLK_T_OUT:
      counts_.write_bytes.add(chain.readable_bytes - sizeof(Header));
      [[fallthrough]];
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
      return counts_.write_requests.add(1);
    case VIRTIO_BLK_T_FLUSH:
      return counts_.flush_requests.add(1);
    default:
      return;
  }
}

DiskFigures Block::figures() const {
  return {counts_.read_requests.value(), counts_.read_bytes.value(),     counts_.write_requests.value(),
          counts_.write_bytes.value(),   counts_.flush_requests.value(), counts_.errors.value()};
}

Block::Outcome Block::perform(VirtioState& state, const Chain& chain, const Header& header) {
  switch (header.type) {
    case VIRTIO_BLK_T_IN:
      return read(state, chain, header.sector);
    case VIRTIO_BLK_T_OUT:
      return disk_.writable() ? write(state, chain, header.sector) : Outcome{.status = io_error};
    case VIRTIO_BLK_T_FLUSH:
      return {.status = disk_.flush() ? ok : io_error};
    case VIRTIO_BLK_T_GET_ID:
      return identify(state, chain);
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
      return disk_.writable() ? clear(state, chain) : Outcome{.status = io_error};
    default:
      return {.status = unsupported};
  }
}

bool Block::on_disk(std::uint64_t sector, std::uint64_t bytes) const {
  return bytes % sector_bytes == 0 && sector <= disk_.sectors() &&
         bytes / sector_bytes <= disk_.sectors() - sector;
}

Block::Outcome Block::read(VirtioState& state, const Chain& chain, std::uint64_t sector) {
  const std::uint64_t bytes = chain.writable_bytes - 1;
  if (!on_disk(sector, bytes)) return {.status = io_error};
  for (std::uint64_t done = 0; done < bytes;) {
    const auto part = std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), bytes - done));
    if (!disk_.read(sector + done / sector_bytes, part)) return {.status = io_error};
    if (!state.copy_to(chain, done, part)) return {.lost = true};
    done += part.size();
  }
  return {.written = bytes};
}

Block::Outcome Block::write(VirtioState& state, const Chain& chain, std::uint64_t sector) {
  const std::uint64_t bytes = chain.readable_bytes - sizeof(Header);
  if (!on_disk(sector, bytes)) return {.status = io_error};
  for (std::uint64_t done = 0; done < bytes;) {
    const auto part = std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), bytes - done));
    if (!state.copy_from(chain, sizeof(Header) + done, part)) return {.lost = true};
    const auto wrote = disk_.write(sector + done / sector_bytes, part, life_);
    if (wrote != DiskFile::Wrote::all) return outcome_of(wrote);
    done += part.size();
  }
  return {};
}

Block::Outcome Block::clear(VirtioState& state, const Chain& chain) {
  virtio_blk_discard_write_zeroes range{};
  if (chain.readable_bytes != sizeof(Header) + sizeof(range)) return {.status = unsupported};
  std::array<std::byte, sizeof(range)> bytes{};
  if (!state.copy_from(chain, sizeof(Header), bytes)) return {.lost = true};
  std::memcpy(&range, bytes.data(), sizeof(range));
  const std::uint64_t count = range.num_sectors;
  if (count > most_cleared_sectors || !on_disk(range.sector, count * sector_bytes))
    return {.status = io_error};
  return outcome_of(disk_.write_zeroes(range.sector, count, life_));
}

Block::Outcome Block::outcome_of(DiskFile::Wrote wrote) {
  switch (wrote) {
    case DiskFile::Wrote::all:
      return {};
    case DiskFile::Wrote::failed:
      return {.status = io_error};
    case DiskFile::Wrote::undone:
      return {.lost = true};
  }
  return {.status = io_error};
}

Block::Outcome Block::identify(VirtioState& state, const Chain& chain) const {
  std::array<std::byte, VIRTIO_BLK_ID_BYTES> name{};
  std::memcpy(name.data(), serial_.data(), std::min(serial_.size(), name.size()));
  if (chain.writable_bytes - 1 < name.size()) return {.status = io_error};
  if (!state.copy_to(chain, 0, name)) return {.lost = true};
  return {.written = name.size()};
}

}  // namespace samepage::vmm
