// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/top_live.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/poll_timeout.hpp"
#include "manage/cli/curses_terminal.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/guests/errand.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/top/rows.hpp"
#include "manage/top/screen.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A sample waits for a guest that hangs for this long, once.
constexpr std::chrono::milliseconds longest_sample{1'000};
constexpr std::chrono::milliseconds between_tries{100};

class Live {
 public:
  explicit Live(top::View view) : view_(std::move(view)) {}

  void run() {
    begin_sample();
    while (!over_) {
      serve_guests();
      draw();
      wait();
    }
  }

 private:
  void begin_sample() {
    sampler_.begin();
    sampling_ = true;
    sample_begun_ = Clock::now();
  }

  void end_sample() {
    sampling_ = false;
    guests::Snapshot sample = sampler_.take();
    const double seconds = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    const std::time_t taken = std::chrono::system_clock::to_time_t(sample.taken);
    view_.update(rows_.rows(sample, seconds));
    scene_.update(std::move(sample), seconds, fmt::format("{:%H:%M:%S}", fmt::localtime(taken)));
    stale_ = true;
  }

  // What guests and the daemon have said, and what is due.
  void serve_guests() {
    sampler_.receive();
    const Clock::time_point now = Clock::now();
    if (sampling_ && (sampler_.complete() || now >= sample_begun_ + longest_sample)) end_sample();
    if (!sampling_ && now >= sample_begun_ + view_.interval()) begin_sample();
    for (auto errand = errands_.begin(); errand != errands_.end();) {
      const std::optional<std::string> result = errand->result(now);
      if (result) {
        view_.tell(*result);
        stale_ = true;
        errand = errands_.erase(errand);
      } else {
        ++errand;
      }
    }
  }

  void draw() {
    if (!stale_ || !CursesTerminal::takes_output()) return;
    const top::Size size = terminal_.size();
    view_.fit(top::rows_that_fit(size));
    terminal_.draw(top::screen(scene_, view_, size, terminal_.glyphs()));
    stale_ = false;
  }

  [[nodiscard]] Clock::time_point next_event() const {
    Clock::time_point next = sample_begun_ + (sampling_ ? longest_sample : view_.interval());
    for (const guests::Errand& errand : errands_) next = std::min(next, errand.deadline());
    // Output that was stopped may go on at any time, and nobody tells.
    return stale_ ? std::min(next, Clock::now() + between_tries) : next;
  }

  void wait() {
    std::vector<pollfd> waits = sampler_.waits();
    for (const guests::Errand& errand : errands_) waits.push_back({errand.fd(), POLLIN, 0});
    for (const int fd : {STDIN_FILENO, signals_.fd(), terminal_.signals_fd()})
      waits.push_back({fd, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), poll_timeout(next_event())) < 0) {
      if (errno == EINTR) return;
      throw_errno("poll of the terminal and the guests");
    }
    if (const int signal = signals_.take(); signal != 0) throw Interrupted{signal};
    const std::size_t keyboard = waits.size() - 3;
    if ((waits[keyboard].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) throw Interrupted{SIGHUP};
    if (waits.back().revents != 0) {
      terminal_.serve_signals();
      stale_ = true;
    }
    if (waits[keyboard].revents != 0) serve_keys();
  }

  void serve_keys() {
    while (const std::optional<top::Key> key = terminal_.key()) {
      const top::Effect effect = view_.press(*key);
      if (effect.kind == top::Effect::Kind::quit) over_ = true;
      if (effect.kind == top::Effect::Kind::tell) {
        view_.tell(fmt::format("{} {} ...", effect.verb, effect.guest));
        errands_.emplace_back(effect.guest, effect.verb, Clock::now() + answer_patience);
      }
      stale_ = true;
    }
  }

  vmm::StopSignals signals_;  // before the terminal is changed
  CursesTerminal terminal_;
  guests::Sampler sampler_;
  bool sampling_ = false;
  Clock::time_point sample_begun_;
  top::RowMaker rows_;
  top::Scene scene_;
  top::View view_;
  std::list<guests::Errand> errands_;
  bool stale_ = true;
  bool over_ = false;
};

}  // namespace

void show_live(top::View view) {
  Live(std::move(view)).run();
}

}  // namespace samepage::cli
