// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/store_upkeep.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "base/file_figures.hpp"
#include "dedup/agent/unmerge_policy.hpp"

namespace samepage::dedup {
namespace {

using Clock = std::chrono::steady_clock;
using State = PageStates::State;

// After so many whole passes with a new daemon, what it could merge of a lost store it has merged.
constexpr unsigned passes_to_settle = 3;

}  // namespace

StoreUpkeep::StoreUpkeep(const GuestPages& pages, PageStates& states, Tracker& tracker,
                         const Pagemap& pagemap, MappingBudget& budget, MappingShortage& shortage,
                         BulkRemapper& remapper)
    : pages_(pages),
      states_(states),
      tracker_(tracker),
      pagemap_(pagemap),
      budget_(budget),
      shortage_(shortage),
      remapper_(remapper) {}

void StoreUpkeep::daemon_lost(const UniqueFd& store) {
  const FileFigures file = figures_of_file(store.get());
  const std::uint64_t mapped = PageCount{states_.count(State::merged) - states_.paged_count()}.bytes();
  const std::lock_guard lock(lock_);
  figures_.push_back({file.inode, file.allocated_bytes, mapped});
}

void StoreUpkeep::leave(UniqueFd former, int current) {
  // First what may fail: a store that nothing is mapped from is let go of at the next look.
  const bool another = figures_of_file(former.get()).inode != figures_of_file(current).inode;
  if (another) lost_stores_.add(std::move(former));
  for (const PageIndex page : pages_.all()) {
    if (states_.is(page, State::merged)) states_.left_behind(page);
  }
}

// Hashing every page needs their table entries, which cost no memory that is not in that store already.
void StoreUpkeep::joined() {
  if (lost_stores_.empty()) return;
  for (const PageIndex page : pages_.all()) {
    if (states_.on_file(page) && !states_.is(page, State::backed)) tracker_.forget(page);
  }
  if (tracker_.evidence() == Tracker::Evidence::writes) return;
  for (const StoreMapping& mapping : list().of_stores) {
    const std::span<std::byte> memory = pages_.bytes_of(mapping.pages);
    ::madvise(memory.data(), memory.size(), MADV_POPULATE_READ);
  }
}

void StoreUpkeep::add_backing(std::uint64_t device, std::uint64_t inode) {
  const File file{device, inode};
  if (std::find(backings_.begin(), backings_.end(), file) == backings_.end()) backings_.push_back(file);
}

void StoreUpkeep::add_mapped_backings() {
  for (const FileMapping& mapping : mappings_of(pages_).of_files) add_backing(mapping.device, mapping.inode);
}

StoreUpkeep::Listed StoreUpkeep::list() {
  GuestMappings mappings = mappings_of(pages_);
  std::erase_if(mappings.of_files, [this](const FileMapping& mapping) {
    return std::any_of(backings_.begin(), backings_.end(), [&](const File& file) {
      return file.inode == mapping.inode && file.device == mapping.device;
    });
  });
  std::vector<StoreFigure> figures = lost_stores_.look(pages_, pagemap_, mappings.of_files);
  const std::lock_guard lock(lock_);
  figures_ = std::move(figures);
  return {mappings.added, std::move(mappings.of_files)};
}

std::vector<PageRange> StoreUpkeep::tidy(bool found, unsigned passes, int current_store) {
  if (!budget_.changed() && states_.count(State::unaffordable) == 0 && lost_stores_.empty()) return {};
  // Not after each of many busy passes: see guest_mappings.hpp.
  if (found && Clock::now() - counted_ < std::chrono::seconds(1)) return {};
  const Listed mappings = list();
  if (states_.count(State::unaffordable) > 0) budget_.look_at_limit();  // somebody may have raised it
  budget_.counted(mappings.added);
  counted_ = Clock::now();
  const bool settled = passes >= passes_to_settle && !lost_stores_.empty();
  const UnmergeReasons reasons{budget_.scarce(), settled, figures_of_file(current_store).inode};
  std::vector<PageRange> broken =
      remapper_.unmerge(not_worth_a_mapping(mappings.of_stores, states_, reasons));
  if (!reasons.mappings_scarce && !shortage_.closed()) retry_unaffordable();
  return broken;
}

void StoreUpkeep::retry_unaffordable() {
  for (const PageRange& range : states_.all_in(State::unaffordable)) {
    for (const PageIndex page : range) {
      states_.withdrawn(page);
      tracker_.forget(page);
    }
  }
}

std::vector<StoreFigure> StoreUpkeep::lost() const {
  const std::lock_guard lock(lock_);
  return figures_;
}

}  // namespace samepage::dedup
