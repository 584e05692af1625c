// SPDX-License-Identifier: Apache-2.0
// Work that gives way to all other work on the host, done for a thread that does not. Whoever is not root can
// lower a thread's priority and not raise it again, so work that can wait has a thread of its own, and its
// caller keeps its priority for what can't.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "base/thread_use.hpp"

namespace samepage {

class YieldingThread {
 public:
  using Act = std::function<void()>;

  /// The thread is `niceness` nicer than the one that makes it (scheduling.hpp). It calls
  /// `prepare` first. Both is done when this returns. Throws std::system_error.
  YieldingThread(int niceness, Act prepare);
  YieldingThread(const YieldingThread&) = delete;
  YieldingThread& operator=(const YieldingThread&) = delete;
  /// When nothing is run.
  ~YieldingThread();

  /// Calls act() on that thread. The caller waits, does what is asked for by at_full_priority(), and gets
  /// what `act` throws. By one thread at a time; what both use is one flow's (thread_use.hpp).
  void run(const Act& act);

 private:
  friend void at_full_priority(const Act& act);

  struct Errand {
    const Act* act = nullptr;  // to be called; null: nothing, or it was
    ThreadUse use{};
    std::exception_ptr failure{};
  };

  void work(int niceness, const Act& prepare);
  void ask_caller(const Act& act);
  static void call(Errand& errand);
  static void finish(const Errand& errand);

  std::mutex lock_;
  std::condition_variable changed_;
  Errand errand_;  // for the thread
  Errand back_;    // for the caller
  bool prepared_ = false;
  bool running_ = false;  // the errand is not over
  bool over_ = false;
  std::thread thread_;
};

/// Calls act(): where the calling thread is a YieldingThread, by the thread that waits for it. Gets what
/// `act` throws.
void at_full_priority(const YieldingThread::Act& act);

}  // namespace samepage
