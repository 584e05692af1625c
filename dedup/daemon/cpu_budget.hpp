// SPDX-License-Identifier: Apache-2.0
// One bound for all processor time of a daemon and its guests' agents: a share of the time of all processors.
//
// Time comes in as it passes, and some of it is saved while nobody needs it, so that a guest that joins is
// merged at once. It goes out in *turns*: so much time for one guest, taken from what there is when the turn
// is given. What a guest has not used of its turn comes back when it says so; one that never says anything
// has cost one turn and delays nobody. What agents do without a turn (mapping what the daemon grants, or
// making room where memory is short) can't wait. It is a *debt* of the guest, which is paid when it would
// have had its turns.
//
// Users with guests that wait have their turns one after the other, and so have the guests of a user. So a
// guest that wants much, or says that it has used much, true or not, delays others by no more than its part.
// One processor is left to others, where the share allows that: so few guests have a turn at a time that
// whatever else wakes up on the host finds it idle, and need not wait until an agent is taken off another.
// A guest whose agent gets no processor does not count for long.
//
// What the daemon uses itself comes first, up to half of the time: its questions are asked by others.
// Pure: the time is told. The daemon's thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace samepage::dedup {

class CpuBudget {
 public:
  using Clock = std::chrono::steady_clock;
  using Cpu = std::chrono::nanoseconds;
  /// Of the share: how much of it is saved, and how much a debt may be.
  static constexpr std::chrono::seconds saved{3};
  static constexpr std::chrono::seconds longest_debt{5};
  /// How long others wait for a guest that has its turn.
  static constexpr std::chrono::milliseconds patience{100};

  /// All that can be saved is there. `own`: what the daemon has used so far.
  CpuBudget(unsigned processors, std::uint32_t percent, Clock::time_point now, Cpu own = {});

  /// Of all processors; 100: there is no bound, and whoever waits has a turn at once.
  void set_percent(std::uint32_t percent, Clock::time_point now);

  /// A guest is named by its membership. `before`: what its counter showed when it said so last.
  void join(std::uint64_t guest, uid_t user, Cpu before, Clock::time_point now);
  /// What it has left of a turn is lost: nobody knows what it has used.
  void leave(std::uint64_t guest);
  /// All that it has ever used. What can't be true of one thread is not believed.
  void has_used(std::uint64_t guest, Cpu all, Clock::time_point now);
  /// Its turn is over, and it waits for the next one, or it does not.
  void wants_turn(std::uint64_t guest, bool wants);

  struct Turn {
    std::uint64_t guest = 0;
    Cpu time{0};
  };
  /// Whose turn it is. `own`: what the daemon has used by now.
  [[nodiscard]] std::vector<Turn> next_turns(Clock::time_point now, Cpu own);
  /// When to ask again; empty: not before something changes.
  [[nodiscard]] std::optional<Clock::time_point> next_time() const;

  /// Guests that wait for a turn.
  [[nodiscard]] std::size_t waiting() const;
  /// What can be used at once.
  [[nodiscard]] Cpu credit() const { return credit_; }

 private:
  struct Guest {
    uid_t user = 0;
    Clock::time_point start;            // when it joined
    Cpu before{0};                      // what it had used by then
    Cpu told{0};                        // what it has used, as far as that can be
    Cpu turn{0};                        // that is left of its turn, as far as is known
    Clock::time_point at_work_until{};  // a turn that is not over, as far as others wait for it
    Cpu debt{0};
    bool wants = false;
    bool queued = false;  // because it wants a turn, or has a debt
  };
  struct User {
    std::deque<std::uint64_t> queue;
    Cpu debt{0};  // of guests that are gone
  };

  [[nodiscard]] bool bounded() const { return percent_ < 100; }
  [[nodiscard]] Cpu share_of(Clock::duration time) const { return time / 100 * percent_ * processors_; }
  [[nodiscard]] Cpu most_debt() const { return share_of(longest_debt); }
  [[nodiscard]] Cpu turn() const;
  [[nodiscard]] std::size_t most_at_work() const;
  [[nodiscard]] std::size_t at_work() const;
  [[nodiscard]] bool may_give_turn() const;
  void advance(Clock::time_point now);
  void pay(Cpu& debt);
  void queue(std::uint64_t number, Guest& guest);
  [[nodiscard]] std::optional<Turn> serve(User& user);
  void forgive();

  unsigned processors_;
  std::uint32_t percent_;
  Clock::time_point now_;
  Cpu credit_;
  Cpu own_;          // the daemon's counter
  Cpu own_debt_{0};  // what the daemon has used and not paid
  std::map<std::uint64_t, Guest> guests_;
  std::map<uid_t, User> users_;  // with anything to be served
  uid_t last_ = 0;               // that was served
};

}  // namespace samepage::dedup
