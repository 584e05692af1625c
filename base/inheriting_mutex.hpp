// SPDX-License-Identifier: Apache-2.0
// A mutex whose owner has the priority of whoever waits for it, until it unlocks (futex(2),
// "Priority-inheritance futexes"): a thread that has lost its processor is not waited for by one that goes
// before it. For std::lock_guard and its like.
#pragma once

#include <pthread.h>

#include <system_error>

#include "base/check.hpp"

namespace samepage {

class InheritingMutex {
 public:
  /// Throws std::system_error.
  InheritingMutex();
  ~InheritingMutex() { ::pthread_mutex_destroy(&mutex_); }
  InheritingMutex(const InheritingMutex&) = delete;
  InheritingMutex& operator=(const InheritingMutex&) = delete;

  void lock() { invariant(::pthread_mutex_lock(&mutex_) == 0, "a mutex can't be locked"); }
  /// By the thread that has locked it.
  void unlock() { invariant(::pthread_mutex_unlock(&mutex_) == 0, "a mutex is unlocked that nobody has"); }

 private:
  pthread_mutex_t mutex_;
};

inline InheritingMutex::InheritingMutex() {
  pthread_mutexattr_t attributes;
  int error = ::pthread_mutexattr_init(&attributes);
  if (error == 0) error = ::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  if (error == 0) error = ::pthread_mutex_init(&mutex_, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_mutex_init");
}

}  // namespace samepage
