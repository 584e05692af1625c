// SPDX-License-Identifier: Apache-2.0
// A host where everything happens to guests and to the daemon that can: they start, end, are killed, hang,
// are forked, saved and paused, and pages go out and come back. Guests check their own memory all the time.
// Now and then all becomes quiet, and what is counted must be what is there.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/soak/soak_plan.hpp"
#include "tests/system/paging_host.hpp"

namespace samepage::soak {

using system_test::Finished;
using system_test::Words;

class Chaos : public system_test::PagingHost {
 protected:
  struct Guest {
    std::string name;
    pid_t pid = -1;
    bool hangs = false;  // it was stopped by a signal
  };
  static constexpr std::size_t most_guests = 6;

  void SetUp() override;
  void TearDown() override;

  /// Something happens.
  void event();
  /// All go on and are seen to work; then they stand still, and all is counted.
  void count_when_quiet();
  /// All guests end, and nothing is left.
  void end_all();

  Plan plan_;

 private:
  /// Runs `samepage`, which may refuse what it is asked, but must not crash.
  Finished try_to(const Words& arguments) const;
  Guest* some_guest();
  void add(const std::string& name);
  void forget(const Guest& guest);

  void start_one();
  void end_one();
  void hang_or_go_on();
  void fork_one();
  void save_or_restore();
  void move_pages();
  void change_paging_files();
  void tune();
  void lose_daemon();
  void daemon_hangs();
  void restart_daemon();
  void ask_something();

  void all_go_on();
  void expect_all_there() const;
  void expect_work(const Guest& guest) const;
  void expect_counted() const;
  [[nodiscard]] std::uint64_t store_bytes() const;
  void expect_nothing_left();

  std::vector<Guest> guests_;
  unsigned next_ = 0;
  bool saved_ = false;  // there is a snapshot
};

}  // namespace samepage::soak
