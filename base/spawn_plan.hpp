// SPDX-License-Identifier: Apache-2.0
// What a program is to be started with (posix_spawn(3)): its descriptors and its signals. Nothing is done
// before spawn().
#pragma once

#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>

namespace samepage {

class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  /// Steps with descriptors are taken in the order in which they are given.
  void open(int fd, const char* path, int flags) {
    ::posix_spawn_file_actions_addopen(&files_, fd, path, flags, 0);
  }
  void duplicate(int from, int to) { ::posix_spawn_file_actions_adddup2(&files_, from, to); }
  void close_from(int first) { ::posix_spawn_file_actions_addclosefrom_np(&files_, first); }
  void block(const sigset_t& signals) {
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    flags_ |= POSIX_SPAWN_SETSIGMASK;
  }
  void take_by_default(const sigset_t& signals) {
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    flags_ |= POSIX_SPAWN_SETSIGDEF;
  }
  void lead_a_session() { flags_ |= POSIX_SPAWN_SETSID; }

  /// 0, or what went wrong (an errno). `words` end with a null pointer; the environment is this process's.
  [[nodiscard]] int spawn(pid_t& pid, const char* program, char* const* words) {
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags_));
    return ::posix_spawn(&pid, program, &files_, &attributes_, words, environ);
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
  int flags_ = 0;
};

}  // namespace samepage
