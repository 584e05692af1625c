// SPDX-License-Identifier: Apache-2.0
// What Domains is made of, for its own files. All of it is used under its mutex.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/event_fd.hpp"
#include "base/unique_fd.hpp"
#include "manage/libvirt/definitions.hpp"
#include "manage/libvirt/domain_end.hpp"
#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/guest_table.hpp"

namespace samepage::libvirt {

/// A domain as it is now; good for as long as the mutex is held.
struct FoundDomain {
  std::string name;
  Uuid uuid{};
  const RunningDomain* running = nullptr;
  const DomainDefinition* definition = nullptr;  // null: it goes with its guest

  [[nodiscard]] DomainRef ref() const;
  /// What it runs as, or would.
  [[nodiscard]] const DomainDefinition& live() const;

 private:
  static const DomainDefinition& unknown();
};

struct Domains::Parts {
  explicit Parts(std::string directory);

  /// Holds the mutex. The thread of the connections never waits for it: it notes that it has missed
  /// something, and whoever lets the mutex go wakes it.
  class Held {
   public:
    enum class Then : std::uint8_t { nothing, look };
    explicit Held(Parts& parts, Then then = Then::nothing) : parts_(parts), lock_(parts.mutex) {
      if (then == Then::look) parts_.look();
    }
    ~Held() {
      lock_.unlock();
      if (parts_.missed.exchange(false)) signal_event(parts_.news.get());
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    Parts& parts_;
    std::unique_lock<std::mutex> lock_;
  };

  /// Locks, and takes in what has happened.
  [[nodiscard]] Held lock() { return Held(*this, Held::Then::look); }
  void look();
  void take_news();
  void ended(DomainRef ref, const vmm::GuestRecord::End& end);
  void tell(const DomainRef& domain, int event, int detail);

  [[nodiscard]] Uuid uuid_of(const std::string& name, const RunningDomain* running) const;
  [[nodiscard]] std::vector<FoundDomain> all() const;
  [[nodiscard]] std::optional<FoundDomain> find(const std::string& name) const;
  [[nodiscard]] std::optional<FoundDomain> find(const Uuid& uuid) const;
  /// Throw a libvirt::Error.
  [[nodiscard]] FoundDomain needed(const DomainRef& domain) const;
  [[nodiscard]] FoundDomain needed_running(const DomainRef& domain) const;
  /// From now on its name and its UUID are taken, until release(). Throws a libvirt::Error when they are.
  void reserve(const DomainDefinition& definition);
  void release(const std::string& name);
  /// Nobody else has its name or its UUID.
  void require_free(const DomainDefinition& definition) const;

  [[nodiscard]] DomainState state_of(const FoundDomain& domain) const;
  /// One of each group of virConnectListAllDomainsFlags.
  [[nodiscard]] unsigned list_flags(const FoundDomain& domain, const DomainState& state) const;
  [[nodiscard]] EndInWords end_of(const std::string& name) const;

  std::mutex mutex;
  std::atomic<bool> missed = false;  // somebody found it held
  GuestTable table;
  Definitions definitions;
  UniqueFd news;                         // readable: there are events
  UniqueFd epoll;                        // of that and of the table
  std::map<std::string, Uuid> starting;  // by create() and start(), until the table knows them
  std::vector<LifecycleEvent> events;
  std::vector<std::string> complaints;
  std::map<std::string, EndInWords> ends;  // of persistent domains that we saw end
  std::map<std::string, int> destroyed;    // by us, and not seen to end yet: the id
  std::map<std::string, pid_t> told_of;    // the last guest of a name whose start was an event
};

}  // namespace samepage::libvirt
