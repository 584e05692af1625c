// SPDX-License-Identifier: Apache-2.0
#include "base/yielding_thread.hpp"

#include <utility>

#include "base/check.hpp"
#include "base/scheduling.hpp"

namespace samepage {
namespace {

thread_local YieldingThread* at_work = nullptr;  // whose thread this is

}  // namespace

YieldingThread::YieldingThread(int niceness, Act prepare)
    : thread_([this, niceness, prepare = std::move(prepare)] { work(niceness, prepare); }) {
  std::unique_lock lock(lock_);
  changed_.wait(lock, [&] { return prepared_; });
}

YieldingThread::~YieldingThread() {
  {
    const std::lock_guard lock(lock_);
    invariant(!running_, "a thread ends whose work is waited for");
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// The flow goes on here, and its caller takes it over again.
void YieldingThread::call(Errand& errand) {
  take_over(errand.use);
  try {
    (*errand.act)();
  } catch (...) {
    errand.failure = std::current_exception();
  }
  errand.use = thread_use();
}

void YieldingThread::finish(const Errand& errand) {
  take_over(errand.use);
  if (errand.failure) std::rethrow_exception(errand.failure);
}

void YieldingThread::work(int niceness, const Act& prepare) {
  give_way(niceness);
  prepare();
  at_work = this;
  std::unique_lock lock(lock_);
  prepared_ = true;
  changed_.notify_all();
  for (;;) {
    changed_.wait(lock, [&] { return over_ || errand_.act != nullptr; });
    if (over_) return;
    lock.unlock();
    call(errand_);
    lock.lock();
    errand_.act = nullptr;
    running_ = false;
    changed_.notify_all();
  }
}

void YieldingThread::run(const Act& act) {
  std::unique_lock lock(lock_);
  invariant(!running_, "two threads have work for one");
  errand_ = {&act, thread_use()};
  running_ = true;
  changed_.notify_all();
  for (;;) {
    changed_.wait(lock, [&] { return !running_ || back_.act != nullptr; });
    if (!running_) break;
    lock.unlock();
    call(back_);
    lock.lock();
    back_.act = nullptr;
    changed_.notify_all();
  }
  const Errand done = std::exchange(errand_, {});
  lock.unlock();
  finish(done);
}

void YieldingThread::ask_caller(const Act& act) {
  std::unique_lock lock(lock_);
  back_ = {&act, thread_use()};
  changed_.notify_all();
  changed_.wait(lock, [&] { return back_.act == nullptr; });
  const Errand done = std::exchange(back_, {});
  lock.unlock();
  finish(done);
}

void at_full_priority(const YieldingThread::Act& act) {
  at_work != nullptr ? at_work->ask_caller(act) : act();
}

}  // namespace samepage
