// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/daemon_shortages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {
namespace {

// A connection, a store or a descriptor of one, a staging area, a process; and one for a question meanwhile.
constexpr std::size_t descriptors_of_a_guest = 5;

}  // namespace

int DaemonShortages::try_room_for_a_guest() noexcept {
  std::array<UniqueFd, descriptors_of_a_guest> files;
  for (UniqueFd& file : files) {
    file = UniqueFd(::memfd_create("samepage-room", MFD_CLOEXEC));
    if (!file || ::pwrite(file.get(), "", 1, 0) != 1) return errno;
  }
  return 0;
}

bool DaemonShortages::failed(const std::exception& problem) noexcept {
  const std::optional<Resource> what = lacked_by(problem);
  if (what) note_refused(all_, *what, problem.what());
  return what.has_value();
}

void DaemonShortages::no_descriptors() noexcept {
  note_refused(all_, Resource::descriptors, "a connection can't be accepted (ulimit -n)");
}

void DaemonShortages::no_buffers(int error) noexcept {
  note_refused(all_, Resource::socket_buffers, std::strerror(error));
}

void DaemonShortages::look_again(bool stores_lack_memory) noexcept {
  const auto now = Shortages::Clock::now();
  const auto due = [&](Resource what) { return all_.is_short(what) && all_.may_try(what, now); };
  const bool memory = !stores_lack_memory && (due(Resource::memory) || due(Resource::commit));
  if (!memory && !due(Resource::descriptors)) return;
  const int error = has_enough_();
  const bool no_descriptors = lacked(error, false) == Resource::descriptors;
  for (const Resource what : {Resource::memory, Resource::commit, Resource::descriptors}) {
    if (!due(what) || (what != Resource::descriptors && !memory)) continue;
    const bool still = error != 0 && (what == Resource::descriptors) == no_descriptors;
    still ? static_cast<void>(all_.refused(what, now)) : note_granted(all_, what);
  }
}

}  // namespace samepage::dedup
