// SPDX-License-Identifier: Apache-2.0
// What an agent or the daemon is short of: a resource of the host that was refused. A shortage ends nothing
// and nobody. What needs the resource waits, is tried again after a growing pause, and goes on by itself when
// it is to be had again. `samepage stat` names each shortage for as long as it lasts.
//
// Whoever asks the kernel for something says here that it was refused(), asks whether it may_try() again, and
// says that it was granted(). Pure: the time is told. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace samepage::dedup {

enum class Resource : std::uint8_t {
  mappings,        // of a process: vm.max_map_count
  memory,          // of the host, or of a memory cgroup
  commit,          // memory that the kernel promises where vm.overcommit_memory is 2
  descriptors,     // of the process (ulimit -n) or of the host
  disk,            // room in paging files, or on their disks
  socket_buffers,  // memory of the kernel's for messages
};
inline constexpr std::size_t resource_count = 6;

/// "mappings", "memory", "commit", "descriptors", "disk", "socket buffers"
[[nodiscard]] std::string_view name_of(Resource what);
/// What waits for it, in plural: "pages", say.
[[nodiscard]] std::string_view waits_for(Resource what);
/// All, in the order in which they are shown.
[[nodiscard]] const std::array<Resource, resource_count>& all_resources();

/// Which resource a system call lacks that failed with `error`. Empty for an error that is no lack.
/// `strict_commit`: the kernel promises no more memory than there is, so that ENOMEM says just that.
[[nodiscard]] std::optional<Resource> lacked(int error, bool strict_commit);
/// The same of an exception that says so.
[[nodiscard]] std::optional<Resource> lacked_by(const std::exception& problem);
/// Whether vm.overcommit_memory is 2 now.
[[nodiscard]] bool has_strict_commit();

struct ShortageFigure {
  Resource what = Resource::memory;
  std::chrono::milliseconds lasts{0};
  std::uint64_t waiting = 0;  // pages, say: waits_for()
};

class Shortages {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds shortest_pause{100};
  static constexpr std::chrono::milliseconds longest_pause{10'000};

  /// It was refused. True when the shortage begins with that. The next pause is twice as long when it was
  /// tried again since the last one.
  bool refused(Resource what, Clock::time_point now);
  /// It was to be had. How long the shortage had lasted, where one ends with that.
  std::optional<std::chrono::milliseconds> granted(Resource what, Clock::time_point now);
  /// How many wait for it now, while it is short.
  void set_waiting(Resource what, std::uint64_t count);

  [[nodiscard]] bool is_short(Resource what) const;
  /// False during the pause after a refusal.
  [[nodiscard]] bool may_try(Resource what, Clock::time_point now) const;
  /// What is short now, in the order of all_resources().
  [[nodiscard]] std::vector<ShortageFigure> figures(Clock::time_point now) const;

 private:
  struct Shortage {
    Clock::time_point since, next_try;
    std::chrono::milliseconds pause{0};
    std::uint64_t waiting = 0;
  };

  mutable std::mutex lock_;
  std::array<Shortage, resource_count> shortages_{};
  // A bit for each that is short: what is asked all the time costs no lock while there is plenty.
  std::atomic<unsigned> short_{0};
};

/// The same two, and a line in the log when a shortage begins or ends. `why` is what was not done, and the
/// kernel's reason.
bool note_refused(Shortages& shortages, Resource what, std::string_view why) noexcept;
void note_granted(Shortages& shortages, Resource what) noexcept;

}  // namespace samepage::dedup
