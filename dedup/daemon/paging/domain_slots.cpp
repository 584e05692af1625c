// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/domain_slots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <system_error>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/open_again.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

// Of one write to a paging file, at most.
constexpr std::size_t longest_run = std::size_t{1} << 20U;

}  // namespace

DomainSlots::DomainSlots(PagingFiles& files, Post post, Written written, Shortages& shortages)
    : files_(files),
      shortages_(shortages),
      shortage_(shortages),
      post_(std::move(post)),
      written_(std::move(written)),
      self_(std::make_shared<DomainSlots*>(this)) {}

DomainSlots::~DomainSlots() {
  for (unsigned file = 0; file < max_paging_files; ++file) {
    PagingFiles::File* const there = files_.at(file);
    if (there == nullptr) continue;
    std::uint32_t segments = 0;
    for (const std::uint16_t used : parts_[file].used) segments += used != 0 ? 1 : 0;
    there->room.forget(segments);
  }
}

void DomainSlots::make_file(unsigned file) {
  Part& part = parts_[file];
  if (part.file) return;
  part.file = std::make_shared<const UniqueFd>(files_.at(file)->room.make_slot_file());
}

std::optional<unsigned> DomainSlots::next_file() {
  for (unsigned tried = 0; tried <= max_paging_files; ++tried) {
    if (left_ > 0 && files_.takes_slots(turn_) && !parts_[turn_].full) return turn_;
    turn_ = (turn_ + 1) % max_paging_files;
    left_ = run;
  }
  if (std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.full; }))
    shortage_.holds_back();
  return std::nullopt;
}

// Not now: retry() asks again.
void DomainSlots::make_no_more(Part& part, const std::exception& error) {
  part.full = true;
  const auto* const failure = dynamic_cast<const std::system_error*>(&error);
  const auto what = failure == nullptr ? std::nullopt : lacked(failure->code().value(), false);
  if (what == Resource::disk) return shortage_.refused(error.what());
  what ? static_cast<void>(note_refused(shortages_, *what, error.what()))
       : log_error("a page does not go out", error);
}

bool DomainSlots::take(FrameId slot) {
  const unsigned file = paging_file_of(slot);
  const std::uint32_t segment = ordinal_of(slot) / slots_of_segment;
  Part& part = parts_[file];
  try {
    make_file(file);
    if (part.used.size() <= segment) part.used.resize(segment + 1);
    if (part.used[segment] == 0 && !files_.at(file)->room.give(part.file->get(), segment)) {
      const std::uint32_t start = segment * slots_of_segment;
      if (start < part.end) {
        part.end = start;
      } else {
        part.full = true;
      }
      shortage_.tried_in_vain();
      return false;
    }
  } catch (const std::exception& error) {
    make_no_more(part, error);
    return false;
  }
  ++part.used[segment];
  if (left_ > 0) --left_;
  return true;
}

bool DomainSlots::is_leaving(unsigned file) const {
  const PagingFiles::File* const there = files_.at(file);
  return there == nullptr || there->leaving;
}

void DomainSlots::release(FrameId slot) noexcept {
  const unsigned file = paging_file_of(slot);
  Part& part = parts_[file];
  const std::uint32_t segment = ordinal_of(slot) / slots_of_segment;
  tickets_.erase(slot.value);
  fault_point("slot-freed");
  part.full = false;
  if (--part.used[segment] > 0) return;
  part.end = max_slots;
  files_.at(file)->room.take_back(part.file->get(), segment);
}

OpenSlots DomainSlots::open_read_only(unsigned file) {
  make_file(file);
  OpenSlots open;
  open.message.file = file;
  open.message.leaving = files_.at(file)->leaving ? 1 : 0;
  const std::string& path = files_.at(file)->room.spec().path;
  path.copy(open.message.path, sizeof(open.message.path) - 1);
  open.slots = open_to_read(parts_[file].file->get(), "open a slot file read-only");
  return open;
}

void DomainSlots::write(FrameId slot, std::span<const std::byte> bytes) {
  Part& part = parts_[paging_file_of(slot)];
  const std::uint64_t offset = offset_in_file(slot);
  if (part.runs.empty() || part.runs.back().offset + part.runs.back().bytes.size() != offset ||
      part.runs.back().bytes.size() >= longest_run) {
    part.runs.push_back({offset, {}});
  }
  std::vector<std::byte>& run_bytes = part.runs.back().bytes;
  run_bytes.insert(run_bytes.end(), bytes.begin(), bytes.end());
  tickets_[slot.value] = ++last_ticket_;
  part.slots.emplace_back(slot, last_ticket_);
  fault_point("slot-collected");
}

void DomainSlots::flush() {
  for (unsigned file = 0; file < max_paging_files; ++file) {
    Part& part = parts_[file];
    if (part.runs.empty()) continue;
    SlotWriter::Job job{part.file, std::exchange(part.runs, {}), {}};
    job.done = [post = post_, self = std::weak_ptr(self_), file, written = part.file,
                slots = std::exchange(part.slots, {})](int error) {
      post([self, file, written, slots, error] {
        const auto there = self.lock();
        // The file may be gone, and another one have its number.
        if (there && (*there)->parts_[file].file == written) (*there)->done(file, slots, error);
      });
    };
    files_.at(file)->writer.add(std::move(job));
  }
}

void DomainSlots::done(unsigned file, const std::vector<std::pair<FrameId, std::uint64_t>>& slots,
                       int error) {
  if (PagingFiles::File* const there = files_.at(file)) {
    if (error == 0) {
      there->written_bytes += PageCount{slots.size()}.bytes();
      shortage_.written();
    } else if (lacked(error, false)) {
      ++there->errors;
      parts_[file].full = true;
      shortage_.refused(std::generic_category().message(error));
    } else {
      ++there->errors;
      if (there->problem.empty()) {
        log_error(fmt::format("the paging file {} gets no more pages", there->room.spec().path),
                  std::strerror(error));
      }
      there->problem = std::strerror(error);
    }
  }
  std::vector<FrameId> still;
  for (const auto& [slot, ticket] : slots) {
    const auto found = tickets_.find(slot.value);
    if (found == tickets_.end() || found->second != ticket) continue;
    tickets_.erase(found);
    still.push_back(slot);
  }
  written_(still, error);
}

void DomainSlots::came_in(unsigned file) {
  if (PagingFiles::File* const there = files_.at(file)) there->came_in_bytes += page_size;
}

std::uint64_t DomainSlots::used(unsigned file) const {
  const std::vector<std::uint16_t>& used = parts_[file].used;
  return std::accumulate(used.begin(), used.end(), std::uint64_t{0});
}

void DomainSlots::close(unsigned file) {
  parts_[file] = {};
}

void DomainSlots::retry() {
  if (!shortage_.next()) return;
  for (Part& part : parts_) {
    part.full = false;
    part.end = max_slots;
  }
}

}  // namespace samepage::dedup
