// SPDX-License-Identifier: Apache-2.0
// The guests of this user that run, and what happens to them, as their control sockets tell: every guest is
// watched ("watch", vmm/control/control_message.hpp), the directory of the sockets is for those that come. A
// guest is there from when it is found until its process is gone. What happened is told as news, each once
// and in order. Nothing here waits but wait_until(). One thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/unique_fd.hpp"
#include "manage/libvirt/domain_definition.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/guest_record.hpp"
#include "vmm/control/process_handle.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::libvirt {

/// One that runs.
struct RunningDomain {
  std::string name;
  pid_t pid = 0;
  bool answers = false;         // what follows is known
  DomainDefinition definition;  // what it was started as
  bool paused = false;
  bool resumed = false;             // it was paused before
  std::uint64_t balloon_bytes = 0;  // that it was asked to give up
};

struct GuestNews {
  enum class What : std::uint8_t { started, paused, resumed, ended };
  What what = What::started;
  RunningDomain guest;
  vmm::GuestRecord::End end;  // of one that ended
};

class GuestTable {
 public:
  /// Finds all that run; these are no news. Throws std::system_error and UserError.
  GuestTable();
  ~GuestTable();
  GuestTable(const GuestTable&) = delete;
  GuestTable& operator=(const GuestTable&) = delete;

  /// Readable when look() has something to do.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  /// Takes in all that has happened.
  void look();
  /// Looks for this one, too.
  void look_for(const std::string& name);
  /// Looks until `holds` or the time is over. False: it is over.
  bool wait_until(std::chrono::steady_clock::time_point end, const std::function<bool()>& holds);
  /// Those that were just found have a moment to say what they are.
  void wait_for_answers();

  [[nodiscard]] const RunningDomain* find(const std::string& name) const;
  /// In alphabetical order.
  [[nodiscard]] std::vector<const RunningDomain*> all() const;
  [[nodiscard]] std::vector<GuestNews> take_news() { return std::exchange(news_, {}); }

 private:
  struct Watched;

  bool watch_directory();
  void read_directory();
  void add(const std::string& name);
  void watch(Watched& guest, UniqueFd socket);
  void hear(Watched& guest);
  void take(Watched& guest, vmm::ControlAnswer answer);
  void hung_up(Watched& guest);
  void forget(std::string name);
  void tell(GuestNews::What what, const Watched& guest, vmm::GuestRecord::End end = {});
  void poll_for(int fd, std::uint64_t key) const;
  void poll_no_more(int fd) const;

  vmm::GuestRegistry registry_;
  UniqueFd epoll_;
  UniqueFd inotify_;
  bool directory_lost_ = false;
  bool first_look_ = true;  // whoever is found then, is no news
  std::map<std::string, std::unique_ptr<Watched>> guests_;
  std::set<std::string> missed_;   // tried again at the next look
  std::set<std::string> told_of_;  // of these: why is in the log
  std::map<std::uint64_t, Watched*> by_key_;
  std::uint64_t next_key_ = 1;
  std::vector<GuestNews> news_;
};

}  // namespace samepage::libvirt
