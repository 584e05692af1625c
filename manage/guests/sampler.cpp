// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/sampler.hpp"

#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "base/poll_timeout.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/daemon_connection.hpp"

namespace samepage::guests {
namespace {

using nlohmann::json;

// A daemon that takes no callers would otherwise hold up the samples of all guests.
constexpr std::chrono::milliseconds connection_patience{50};

}  // namespace

Sampler::Sampler() : guests_(vmm::GuestRegistry::of_this_user(), {{"do", "stat"}}) {}

void Sampler::ask_daemon() {
  if (daemon_question_) {
    daemon_is_late_ = true;
    return;
  }
  daemon_is_late_ = false;
  const std::string path = daemon_socket_path();
  try {
    UniqueFd socket = dedup::connect_daemon(path, connection_patience);
    if (!socket) return;
    daemon_question_ = dedup::DaemonQuestion::ask(path, std::move(socket), {{"do", "stat"}});
  } catch (const dedup::DaemonHangs& problem) {
    next_.daemon = DaemonState::hangs;
    next_.problem = problem.what();
  }
}

void Sampler::begin() {
  next_ = {};
  next_.raw_host = json::object();
  guests_.call();
  ask_daemon();
}

std::vector<pollfd> Sampler::waits() const {
  std::vector<pollfd> waits;
  guests_.add_waits(waits);
  if (daemon_question_) waits.push_back({daemon_question_->fd(), POLLIN, 0});
  return waits;
}

void Sampler::receive() {
  guests_.receive();
  try {
    if (daemon_question_ && daemon_question_->receive()) take_daemon();
  } catch (const dedup::DaemonGone&) {
    if (!daemon_is_known_) throw;
    daemon_question_.reset();
  }
}

void Sampler::take_daemon() {
  const json answer = daemon_question_->take();
  daemon_question_.reset();
  daemon_is_late_ = false;
  daemon_is_known_ = true;
  next_.daemon = DaemonState::answers;
  next_.problem.clear();
  next_.raw_host = answer.value("host", json::object());
  next_.raw_host["daemon_pid"] = number(answer, "pid");
  next_.about_daemon = {{"pid", number(answer, "pid")},
                        {"metrics", answer.value("metrics", json::array())},
                        {"log", answer.value("log", "")},
                        {"users", answer.value("users", json::array())}};
}

bool Sampler::complete() const {
  return guests_.complete() && (!daemon_question_ || daemon_is_late_);
}

Snapshot Sampler::take() {
  if (daemon_question_) {
    next_.daemon = DaemonState::hangs;
    next_.problem = dedup::DaemonHangs(daemon_socket_path()).what();
  }
  next_.guests = guests_.answers();
  next_.host = host_figures(next_.raw_host, next_.guests);
  next_.taken = std::chrono::system_clock::now();
  return std::exchange(next_, {});
}

std::optional<Snapshot> Sampler::sample(std::chrono::milliseconds patience, int stop) {
  begin();
  const Clock::time_point deadline = Clock::now() + patience;
  for (receive(); !complete(); receive()) {
    std::vector<pollfd> polled = waits();
    polled.push_back({stop, POLLIN, 0});
    const int ready = ::poll(polled.data(), polled.size(), poll_timeout(deadline));
    if (ready < 0 && errno != EINTR) throw_errno("poll of guests and daemon");
    if (polled.back().revents != 0 && ready > 0) return std::nullopt;
    if (Clock::now() >= deadline) break;
  }
  return take();
}

Snapshot take_snapshot() {
  return *Sampler().sample(snapshot_patience);
}

}  // namespace samepage::guests
