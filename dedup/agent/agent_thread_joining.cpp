// SPDX-License-Identifier: Apache-2.0
// The agent's thread while no daemon has let the guest in.
#include <algorithm>
#include <chrono>
#include <exception>

#include "base/log.hpp"
#include "base/poll_timeout.hpp"
#include "dedup/agent/agent_thread.hpp"
#include "dedup/daemon_connection.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

}  // namespace

// A daemon that was asked to let us in is waited for without an end: it answers, or ends. One that keeps us
// out ends the connection when it is worth asking again. Whatever it does, it is asked once a second at most.
bool Agent::Thread::wait_to_join() {
  const bool starts = worker_.joining() && Clock::now() < start_ends_;
  if (!starts) worker_.brake(Worker::Brake::paging, false);
  const bool asked = worker_.joining() || worker_.kept_out();
  milliseconds limit(starts ? 10 : poll_timeout(guard_.next()));
  if (!starts && !asked) limit = std::min(limit, milliseconds(poll_timeout(next_connect_)));
  if (wait(limit)) return true;
  if (!starts) guard_.look();
  // A guest that starts where little memory is left could use it up before its pages have anywhere to go: it
  // waits for its daemon then, but not for one that hangs.
  if (starts && !answered_) {
    memory_.look_at_start();
    return false;
  }
  if (worker_.kept_out()) {
    if (answered_) worker_.lose_daemon();
    return false;
  }
  if (!worker_.joining() && Clock::now() < next_connect_) return false;
  next_connect_ = Clock::now() + reconnect_interval;
  if (lacks_ && !worker_.shortages().may_try(*lacks_, Clock::now())) return false;
  go_on_joining();
  return false;
}

void Agent::Thread::tell_problem(const std::exception& problem) {
  if (problem_ != problem.what()) log(LogLevel::warning, "it shares nothing new: {}", problem.what());
  problem_ = problem.what();
}

void Agent::Thread::go_on_joining() {
  try {
    if (!worker_.joining()) return worker_.ask_to_join();
    if (!answered_) return;
    worker_.finish_joining();
    problem_.clear();
    note_kept_out({});
    start_delay_.joined(Clock::now());
    schedule_.restart(Clock::now());
  } catch (const NoDaemon&) {
    note_kept_out({});
    start_daemon();
  } catch (const GuestKeptOut& problem) {
    note_kept_out(problem.what());
    tell_problem(problem);
  } catch (const UserError& problem) {
    // No daemon, or none for us: the guest runs on, and we ask again.
    note_kept_out({});
    tell_problem(problem);
  }
}

void Agent::Thread::start_daemon() {
  const Clock::time_point now = Clock::now();
  if (!config_.start_daemon || !worker_.daemon_is_private() || !start_delay_.may_start(now)) return;
  start_delay_.started(now);
  config_.start_daemon();
}

}  // namespace samepage::dedup
