// SPDX-License-Identifier: Apache-2.0
// The order of what the thread does. What others ask of it is in agent_thread_requests.cpp, how it joins a
// daemon in agent_thread_joining.cpp.
#include "dedup/agent/agent_thread.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/confinement.hpp"
#include "base/event_fd.hpp"
#include "base/log.hpp"
#include "base/poll_timeout.hpp"
#include "base/thread_use.hpp"
#include "dedup/agent/hold_priority.hpp"
#include "dedup/daemon_connection.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

// How much nicer than the guest the thread is that looks for pages and merges them: as ksmd. With 13 a
// request of a guest that leaves it no time waited so long for the piece that it was at that the guest ran
// out of memory.
constexpr int niceness = 5;

// For as long a guest may wait for a daemon where it needs one at once.
constexpr milliseconds longest_start{1000};

std::string joins_when(const std::exception& problem, std::string_view when) {
  return fmt::format("{}; the guest joins the daemon when {}", problem.what(), when);
}

}  // namespace

Agent::Thread::Thread(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier)
    : regions_(regions),
      config_(config),
      worker_(std::move(config), regions, barrier),
      stop_(make_event()),
      requested_(make_event()) {
  try {
    worker_.ask_to_join();
    if (!config_.joins_later) worker_.finish_joining();
  } catch (const DaemonHangs& problem) {
    why_not_joined_ = joins_when(problem, "it answers");
  } catch (const NoDaemon& problem) {
    why_not_joined_ = joins_when(problem, "it answers");
  } catch (const GuestKeptOut& problem) {
    why_not_joined_ = joins_when(problem, "that allows it");
    note_kept_out(problem.what());
    tell_problem(problem);
  }
}

Agent::Thread::~Thread() {
  signal_event(stop_.get());
  worker_.hang_up();
  if (thread_.joinable()) thread_.join();
}

void Agent::Thread::place(std::span<const ImagePart> parts) {
  invariant(!thread_.joinable(), "an image is loaded while the guest is merged");
  worker_.place(parts);
}

void Agent::Thread::start() {
  invariant(!thread_.joinable(), "an agent is started twice");
  start_ends_ = Clock::now() + longest_start;
  // Nothing has been quiet for an interval yet.
  schedule_.restart(Clock::now() + milliseconds(worker_.knobs().interval_ms));
  yielding_.emplace(niceness, [] {
    ::pthread_setname_np(::pthread_self(), "agent merging");
    confine_thread(ThreadKind::agent);
  });
  thread_ = std::thread([this] { run(); });
}

// What nobody has asked for can wait for its turn, unless the kernel is about to kill somebody.
void Agent::Thread::go_on_paging() {
  if (!worker_.paging().due()) return;
  if (!memory_.pages_out_in_passing() || worker_.daemon().may_use_cpu()) worker_.paging().go_on();
}

// Merging gives way to all other work on the host. What somebody waits for does not, nor what keeps the
// kernel from killing somebody.
void Agent::Thread::giving_way(const std::function<void()>& act) {
  const PageOuts& outs = worker_.page_outs();
  const bool hurry = memory_.is_scarce() || guard_.is_scarce() || memory_.has_demanded() || outs.active() ||
                     outs.returning() || outs.leaving() != 0;
  hurry ? act() : yielding_->run(act);
}

void Agent::Thread::answer() {
  if (answered_) {
    giving_way([this] { worker_.handle_messages(); });
    guard_.look();  // it may have ordered something
  }
  go_on_paging();
}

void Agent::Thread::settle_cpu() {
  const bool more = wants_pass() || (worker_.paging().due() && memory_.pages_out_in_passing());
  if (!more) worker_.daemon().end_cpu_turn();
  worker_.daemon().tell_cpu_time();
}

void Agent::Thread::run() {
  ::pthread_setname_np(::pthread_self(), "agent");
  confine_thread(ThreadKind::agent);
  for (bool over = false; !over;) {
    try {
      work();
      over = true;
    } catch (const std::exception& error) {
      note_failure(error);
      worker_.lose_daemon();
    }
  }
  worker_.brake(Worker::Brake::paging, false);
  guard_.end();
  requests_.end();
}

void Agent::Thread::note_failure(const std::exception& error) noexcept {
  const std::optional<Resource> what = lacked_by(error);
  if (!what) return log_error("merging begins anew", error);
  lacks_ = what;
  note_refused(worker_.shortages(), *what, error.what());
}

// A pass has been made. Descriptors are needed by what comes later.
void Agent::Thread::note_success() noexcept {
  if (!lacks_ || (lacks_ == Resource::descriptors && !has_descriptors(stop_.get()))) return;
  note_granted(worker_.shortages(), *lacks_);
  lacks_.reset();
}

void Agent::Thread::work() {
  for (;;) {
    serve_requests();
    take_backing();
    if (!worker_.connected()) {
      if (wait_to_join()) return;
      continue;
    }
    next_connect_ = Clock::now() + reconnect_interval;  // should it be lost
    note_whether_merging();
    if (looking_.exchange(false)) schedule_.ask();
    // A pass takes longer than the guest may take to use up what is left.
    if (wants_pass() && !guard_.is_pressed() && worker_.daemon().may_use_cpu()) pass();
    settle_cpu();
    if (wait_and_watch()) return;
    answer();
    memory_.go_on_bringing_back();
  }
}

// Where guests can use up what memory is left, a look at it must not wait for their threads.
bool Agent::Thread::wait_and_watch() {
  std::optional<HoldPriority> priority;
  if (memory_.is_scarce() || guard_.is_scarce()) priority.emplace();
  const milliseconds guard(poll_timeout(guard_.next()));
  if (wait(guard_.is_pressed() ? guard : std::min(time_to_wait(), guard))) return true;
  memory_.look();
  guard_.look();
  return false;
}

void Agent::Thread::note_whether_merging() {
  const bool merging = worker_.knobs().merging != 0;
  if (merging && !merging_) schedule_.restart(Clock::now());
  if (!merging) worker_.cancel_pass();
  merging_ = merging;
}

bool Agent::Thread::wants_pass() const {
  return worker_.pass_under_way() || Clock::now() >= schedule_.due(faults());
}

std::int64_t Agent::Thread::faults() const {
  return merging_ && worker_.tracks_writes() ? page_faults_of_other_threads() : 0;
}

std::chrono::milliseconds Agent::Thread::time_to_wait() {
  if (looking_) return milliseconds(0);
  milliseconds soonest = std::chrono::hours(1);
  if (worker_.paging().can_page_out()) soonest = milliseconds(poll_timeout(memory_.next()));
  if (const auto due = worker_.paging().due()) soonest = std::min(soonest, milliseconds(poll_timeout(*due)));
  if (worker_.page_outs().returning()) soonest = std::min(soonest, milliseconds(5));
  // Where a pass waits for its turn, the daemon ends the wait.
  if (worker_.daemon().waits_for_cpu()) return soonest;
  if (worker_.pass_under_way()) return milliseconds(0);
  const milliseconds left(poll_timeout(schedule_.due(faults())));
  const milliseconds longest = merging_ && worker_.tracks_writes() ? PassSchedule::probe_interval
                                                                   : milliseconds(std::chrono::hours(1));
  return std::min({left, longest, soonest});
}

bool Agent::Thread::wait(milliseconds limit) {
  std::array<pollfd, 3> waiting{pollfd{stop_.get(), POLLIN, 0}, pollfd{worker_.socket_fd(), POLLIN, 0},
                                pollfd{requested_.get(), POLLIN, 0}};
  ::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));
  answered_ = waiting[1].revents != 0;
  return (waiting[0].revents & POLLIN) != 0;
}

void Agent::Thread::pass() {
  if (!worker_.pass_under_way()) {
    pass_asked_ = schedule_.asked();
    if (pass_asked_) worker_.look_everywhere();
  }
  const auto cancelled = [this] {
    serve_requests();
    return wait(milliseconds(0));
  };
  // A pass may take long where it gives way, so it is interrupted for a look at memory.
  const auto goes_on = [this] {
    return !memory_.is_due() && !guard_.is_due() && worker_.daemon().may_use_cpu();
  };
  bool found = false;
  giving_way([&] {
    if (merging_) {
      found = worker_.run_pass(cancelled, goes_on);
    } else {
      worker_.look_for_breaks(cancelled);
    }
  });
  if (worker_.pass_under_way()) return;
  if (worker_.connected()) note_success();
  schedule_.passed({Clock::now(), found, pass_asked_, faults()}, worker_.knobs());
}

}  // namespace samepage::dedup
