// SPDX-License-Identifier: Apache-2.0
// What other threads ask of the agent's. It does it between two parts of a pass at the latest.
#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

#include "base/event_fd.hpp"
#include "base/log.hpp"
#include "dedup/agent/agent_thread.hpp"
#include "dedup/agent/hold_priority.hpp"
#include "dedup/agent/workers_memory.hpp"

namespace samepage::dedup {
namespace {

// A guest that gives up pages gives a daemon that hangs as long as this, and no longer than twice that.
constexpr std::chrono::milliseconds guests_patience{200};

}  // namespace

bool Agent::Thread::ask(const std::function<void()>& act) {
  std::uint64_t message = 0;
  return requests_.wait_for(
      act, [&] { signal_event(requested_.get()); }, guests_patience,
      [&] {
        const std::uint64_t still = worker_.message();
        if (still != 0 && still == message) worker_.cancel(message);
        message = still;
      });
}

void Agent::Thread::discard(std::span<const GfnRange> ranges) {
  static_cast<void>(ask([&] { worker_.discard(ranges); }));
}

// What `act` throws is its caller's, not the agent's.
bool Agent::Thread::while_still(const std::function<void(StillMemory&)>& act) {
  std::exception_ptr failure;
  const bool done = ask([&] {
    try {
      WorkersMemory memory(worker_);
      act(memory);
    } catch (...) {
      failure = std::current_exception();
    }
    worker_.tell_lost();
  });
  if (failure) std::rethrow_exception(failure);
  return done;
}

void Agent::Thread::back(UniqueFd file, std::vector<BackedRun> runs) {
  {
    const std::lock_guard lock(backing_lock_);
    new_backing_ = NewBacking{std::move(file), std::move(runs)};
  }
  signal_event(requested_.get());
}

void Agent::Thread::take_backing() {
  std::optional<NewBacking> taken;
  {
    const std::lock_guard lock(backing_lock_);
    std::swap(taken, new_backing_);
  }
  if (!taken || taken->runs.empty()) return;
  try {
    worker_.forked(std::move(taken->file), std::move(taken->runs));
  } catch (const std::system_error& error) {
    log_error("the guest keeps its memory beside its snapshot's", error);
  }
}

// A guest that has just joined, or a file that was just added: the daemon has told of it, and nobody has read
// that yet. What else it has to say may go before the file, so it is asked twice.
bool Agent::Thread::hears_of_paging_file() {
  const Clock::time_point deadline = Clock::now() + guests_patience;
  for (int i = 0; i < 2 && !worker_.paging().can_page_out(); ++i) worker_.daemon().hear_out(deadline);
  return worker_.paging().can_page_out();
}

bool Agent::Thread::begin_page_out(std::uint64_t pages, PageOutOrder order) {
  bool can = false;
  const bool asked = ask([&] {
    can = worker_.paging().can_page_out() || hears_of_paging_file();
    if (!can) return;
    memory_.was_asked();
    if (order == PageOutOrder::suspended) worker_.paging().stand_still();
    worker_.paging().begin(
        pages, order == PageOutOrder::coldest_first ? PageOuts::Which::by_order : PageOuts::Which::all);
  });
  return asked && can;
}

// What the guest waits for is what it used last. All else follows while it runs.
void Agent::Thread::bring_back() {
  constexpr std::uint32_t pages_at_first = 8192;
  static_cast<void>(ask([this] {
    worker_.paging().begin_return();
    worker_.paging().bring_back(pages_at_first);
  }));
}

void Agent::Thread::look_now() {
  looking_ = true;
  signal_event(requested_.get());
}

void Agent::Thread::serve_requests() {
  if (!clear_event(requested_.get())) return;  // there is none
  at_full_priority([this] { requests_.serve(); });
}

}  // namespace samepage::dedup
