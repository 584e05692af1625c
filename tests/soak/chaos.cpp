// SPDX-License-Identifier: Apache-2.0
#include "tests/soak/chaos.hpp"

#include <sys/wait.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <iostream>

namespace samepage::soak {

using nlohmann::json;

void Chaos::SetUp() {
  PagingHost::SetUp();
  if (!IsSkipped()) restart_daemon();
}

void Chaos::TearDown() {
  for (const Guest& guest : guests_) ::kill(guest.pid, SIGCONT);
  if (HasFailure()) {
    std::cout << "again: SAMEPAGE_SOAK_SEED=" << plan_.seed() << std::endl;
    for (const Guest& guest : guests_) std::cout << guest.name << ": " << log_of(guest.name) << std::endl;
  }
  PagingHost::TearDown();
}

Finished Chaos::try_to(const Words& arguments) const {
  std::string line;
  for (const std::string& word : arguments) line += " " + word;
  const Finished finished = samepage(arguments);
  std::cout << "samepage" << line << ": " << finished.code << " " << finished.err.substr(0, 160) << std::endl;
  EXPECT_LT(finished.code, 126) << line << finished.err;
  EXPECT_EQ(finished.err.find("Sanitizer"), std::string::npos) << finished.err;
  return finished;
}

Chaos::Guest* Chaos::some_guest() {
  if (guests_.empty()) return nullptr;
  return &guests_[plan_.below(static_cast<std::uint32_t>(guests_.size()))];
}

// Those that have begun, in whatever way.
void Chaos::add(const std::string& name) {
  for (const json& guest : ask({"ps"})) {
    if (guest.at("name") == name) return guests_.push_back({name, guest.at("pid").get<pid_t>()});
  }
  ADD_FAILURE() << name << " was started and is not there";
}

void Chaos::forget(const Guest& guest) {
  const std::string name = guest.name;
  std::erase_if(guests_, [&](const Guest& other) { return other.name == name; });
}

void Chaos::event() {
  switch (plan_.below(20)) {
    case 0:
    case 1:
    case 2:
      return start_one();
    case 3:
    case 4:
      return end_one();
    case 5:
    case 6:
      return hang_or_go_on();
    case 7:
    case 8:
      return fork_one();
    case 9:
      return save_or_restore();
    case 10:
    case 11:
    case 12:
      return move_pages();
    case 13:
      return change_paging_files();
    case 14:
      return tune();
    case 15:
      return lose_daemon();
    case 16:
      return daemon_hangs();
    default:
      return ask_something();
  }
}

void Chaos::start_one() {
  if (guests_.size() >= most_guests) return end_one();
  const std::string name = "g" + std::to_string(++next_);
  Words arguments{"run", "--detach", "--name", name, "--mem", "16M"};
  if (plan_.chance(3)) {
    arguments.insert(arguments.end(), {"fill", "--", "zero=100", "common=800",
                                       "own=" + std::to_string(plan_.below(800)), "verify=1"});
  } else {
    const std::string pause = "pause_us=" + std::to_string(1000 + plan_.below(20'000));
    arguments.insert(arguments.end(), {"--cpus", plan_.chance(2) ? "2" : "1", "torture", "--", "pages=500",
                                       "seconds=1000000", pause});
  }
  if (try_to(arguments).code == 0) add(name);
}

void Chaos::end_one() {
  Guest* const guest = some_guest();
  if (guest == nullptr) return;
  if (plan_.chance(2)) {
    std::cout << "kill -9 " << guest->name << std::endl;
    ::kill(guest->pid, SIGKILL);
  } else {
    if (guest->hangs) ::kill(guest->pid, SIGCONT);
    try_to({plan_.chance(2) ? "stop" : "kill", guest->name});
    ::kill(guest->pid, SIGKILL);  // it may have no time to stop while its daemon hangs
  }
  forget(*guest);
}

void Chaos::hang_or_go_on() {
  Guest* const guest = some_guest();
  if (guest == nullptr) return;
  guest->hangs = !guest->hangs;
  std::cout << guest->name << (guest->hangs ? " hangs" : " goes on") << std::endl;
  ::kill(guest->pid, guest->hangs ? SIGSTOP : SIGCONT);
}

void Chaos::fork_one() {
  Guest* const guest = some_guest();
  if (guest == nullptr || guest->hangs || guests_.size() >= most_guests) return;
  const std::string clone = "g" + std::to_string(++next_);
  if (try_to({"fork", guest->name, "--name", clone}).code == 0) add(clone);
}

void Chaos::save_or_restore() {
  const std::string path = directory_ + "/disks/snapshot";
  Guest* const guest = some_guest();
  if (saved_ && guests_.size() < most_guests && plan_.chance(2)) {
    const std::string name = "g" + std::to_string(++next_);
    if (try_to({"restore", path, "--name", name, "--detach"}).code == 0) add(name);
  } else if (guest != nullptr && !guest->hangs) {
    // Who goes on from the former one keeps that.
    if (try_to({"snapshot", guest->name, path + ".new"}).code != 0) return;
    std::rename((path + ".new").c_str(), path.c_str());
    saved_ = true;
  }
}

void Chaos::move_pages() {
  Guest* const guest = some_guest();
  if (guest == nullptr || guest->hangs) return;
  static const std::array<Words, 6> ways{
      {{"page-out"}, {"suspend"}, {"resume"}, {"pause"}, {"resume"}, {"rollback"}}};
  Words command = ways.at(plan_.below(ways.size()));
  command.push_back(guest->name);
  try_to(command);
}

void Chaos::change_paging_files() {
  const std::string path = file(std::string(1, static_cast<char>('a' + plan_.below(3))));
  if (plan_.chance(2)) {
    try_to({"paging", "--add", path + ",initial=8M,max=64M"});
  } else {
    try_to({"paging", "--remove", path});
  }
}

void Chaos::tune() {
  if (plan_.chance(4)) {
    try_to({"tune", plan_.chance(2) ? "merging=on" : "merging=off"});
  } else {
    try_to({"tune", "interval=" + std::to_string(plan_.below(50)), "max-interval=100", "merging=on",
            "cpu=" + std::to_string(1 + plan_.below(100))});
  }
}

void Chaos::restart_daemon() {
  start_daemon_with({file("a") + ",initial=8M,max=64M"});
}

// Things happen while there is none. Nobody starts a guest: it would bring a daemon with it.
void Chaos::lose_daemon() {
  std::cout << "the daemon is killed" << std::endl;
  kill_daemon();
  for (std::uint32_t events = plan_.below(3); events > 0; --events)
    plan_.chance(2) ? move_pages() : hang_or_go_on();
  restart_daemon();
}

void Chaos::daemon_hangs() {
  std::cout << "the daemon hangs" << std::endl;
  ::kill(daemon_, SIGSTOP);
  for (std::uint32_t events = plan_.below(4); events > 0; --events) {
    plan_.chance(3) ? start_one() : plan_.chance(2) ? move_pages() : end_one();
  }
  std::cout << "the daemon goes on" << std::endl;
  ::kill(daemon_, SIGCONT);
}

void Chaos::ask_something() {
  Guest* const guest = some_guest();
  const std::uint32_t what = plan_.below(4);
  if (what == 0 || guest == nullptr || guest->hangs) {
    try_to({"stat", "--json"});
  } else {
    try_to({what == 1 ? "map" : what == 2 ? "logs" : "stat", guest->name});
  }
}

}  // namespace samepage::soak
