// SPDX-License-Identifier: Apache-2.0
// What steers guests. The mutex is never held while a guest is waited for.
// Long because each verb is a client's procedure, and all share how a name is reserved meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/replace_file.hpp"
#include "base/runtime_dir.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/domains_parts.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/guest_requests.hpp"
#include "manage/libvirt/guest_start.hpp"
#include "manage/libvirt/settled_definition.hpp"

namespace samepage::libvirt {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr int graceful_end_ms = 10'000;
constexpr int kill_ms = 60'000;

void refuse_flags(const char* function, unsigned flags, unsigned known = 0) {
  if ((flags & ~known) != 0) throw unsupported_flags(function, flags);
}

// The host's start is what domains are started with, not ours: a file tells of which start that was done.
bool first_since_boot() {
  const std::string path = runtime_dir() + "/libvirt-autostarted";
  std::string boot, done;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::ifstream(path) >> done;
  if (boot == done) return false;
  replace_file(path, boot + "\n", 0600);
  return true;
}

// Gives name and UUID free again.
class Reserved {
 public:
  Reserved(Domains::Parts& parts, std::string name) : parts_(parts), name_(std::move(name)) {}
  ~Reserved() { parts_.release(name_); }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;

 private:
  Domains::Parts& parts_;
  std::string name_;
};

// Starts a guest and waits until it is one of those that are known to run.
DomainRef launch(Domains::Parts& parts, const DomainDefinition& definition, unsigned flags) {
  vmm::GuestProcessConfig guest = guest_of(definition);
  guest.note = domain_xml(definition);
  if ((flags & VIR_DOMAIN_START_PAUSED) != 0) guest.starts = vmm::Starts::paused;
  const pid_t pid = start_guest(guest);
  DomainRef ref{definition.name, *definition.uuid, static_cast<int>(pid)};
  {
    const Domains::Parts::Held held(parts);
    parts.table.look_for(definition.name);
    const auto is_known = [&] {
      const RunningDomain* const running = parts.table.find(definition.name);
      return running == nullptr || running->pid != pid || running->answers;
    };
    parts.table.wait_until(Clock::now() + answer_patience, is_known);
    parts.take_news();
    const RunningDomain* const running = parts.table.find(definition.name);
    if (running == nullptr || running->pid != pid) {
      // It has ended already. Where that was too fast to be seen, nobody was told that it was there.
      if (std::exchange(parts.told_of[definition.name], pid) != pid) {
        parts.tell(ref, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
        const auto record = vmm::GuestRecords::of_this_user().find(definition.name);
        parts.ended(ref, record ? record->how_it_ended() : vmm::GuestRecord::End{});
      }
      ref.id = -1;
      return ref;
    }
  }
  if (definition.current_kib < definition.memory_kib) {
    try {
      ask(ref, {{"do", "balloon"}, {"bytes", (definition.memory_kib - definition.current_kib) * 1024}});
    } catch (const std::exception& error) {  // it runs, with more memory than was asked for
      const Domains::Parts::Held held(parts);
      parts.complaints.push_back(
          fmt::format("domain '{}' has all of its memory: {}", ref.name, error.what()));
    }
  }
  return ref;
}

}  // namespace

void Domains::Parts::require_free(const DomainDefinition& definition) const {
  if (const std::optional<FoundDomain> same = find(definition.name); same && same->uuid != *definition.uuid) {
    throw in_use(
        fmt::format("domain '{}' already exists with uuid {}", definition.name, to_text(same->uuid)));
  }
  if (const std::optional<FoundDomain> same = find(*definition.uuid); same && same->name != definition.name) {
    throw in_use(fmt::format("domain '{}' is already defined with uuid {}", same->name, to_text(same->uuid)));
  }
}

void Domains::Parts::reserve(const DomainDefinition& definition) {
  for (const auto& [name, uuid] : starting) {
    if (name == definition.name) throw invalid_operation("domain is already being started");
    if (uuid == *definition.uuid)
      throw in_use(fmt::format("domain '{}' has that UUID, and is being started", name));
  }
  starting.emplace(definition.name, *definition.uuid);
}

void Domains::Parts::release(const std::string& name) {
  const Held held(*this);
  starting.erase(name);
}

void Domains::start_autostarted() {
  if (!first_since_boot()) return;
  std::vector<DomainDefinition> wanted;
  {
    const auto here = parts_->lock();
    for (const auto& [name, definition] : parts_->definitions.all()) {
      if (!parts_->definitions.starts_with_host(name) || parts_->table.find(name) != nullptr) continue;
      wanted.push_back(definition);
    }
  }
  for (const DomainDefinition& definition : wanted) {
    try {
      launch(*parts_, definition, 0);
    } catch (const std::exception& error) {
      const Parts::Held held(*parts_);
      parts_->complaints.push_back(
          fmt::format("domain '{}' is not started: {}", definition.name, error.what()));
    }
  }
}

DomainRef Domains::create(const std::string& xml, unsigned flags) {
  refuse_flags("virDomainCreateXML", flags,
               VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_VALIDATE);
  DomainDefinition definition = read_domain(xml);
  {
    // Without a UUID it is the one that the name has, if it has one.
    const auto here = parts_->lock();
    const std::optional<FoundDomain> known = parts_->find(definition.name);
    if (known && known->running != nullptr) {
      throw invalid_operation(fmt::format("domain is already active as '{}'", definition.name));
    }
    if (known && !definition.uuid) definition.uuid = known->uuid;
    definition = settled(std::move(definition));
    static_cast<void>(kept_domain_xml(definition));
    parts_->require_free(definition);
    parts_->reserve(definition);
  }
  const Reserved reserved(*parts_, definition.name);
  return launch(*parts_, definition, flags);
}

DomainRef Domains::start(const DomainRef& domain, unsigned flags) {
  refuse_flags("virDomainCreateWithFlags", flags,
               VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_VALIDATE |
                   VIR_DOMAIN_START_BYPASS_CACHE | VIR_DOMAIN_START_FORCE_BOOT);
  DomainDefinition definition;
  {
    const auto here = parts_->lock();
    const FoundDomain found = parts_->needed(domain);
    if (found.running != nullptr) throw invalid_operation("domain is already running");
    definition = settled(*found.definition);
    parts_->reserve(definition);
  }
  const Reserved reserved(*parts_, definition.name);
  return launch(*parts_, definition, flags);
}

void Domains::destroy(const DomainRef& domain, unsigned flags) {
  refuse_flags("virDomainDestroyFlags", flags, VIR_DOMAIN_DESTROY_GRACEFUL);
  const bool graceful = (flags & VIR_DOMAIN_DESTROY_GRACEFUL) != 0;
  const Live live = live_one(*parts_, domain);
  const guests::GuestConnection guest = connect_to(live.ref);
  {
    const Parts::Held held(*parts_);
    parts_->destroyed[live.ref.name] = live.ref.id;
  }
  const auto forget = [&] {
    const Parts::Held held(*parts_);
    parts_->destroyed.erase(live.ref.name);
  };
  if (graceful) {
    static_cast<void>(vmm::ask(guest.socket.get(), {{"do", "stop"}}, {}, Clock::now() + answer_patience));
    if (!guest.process.ends_within(graceful_end_ms)) {
      forget();
      throw timed_out(
          fmt::format("guest '{}' has not ended within {} s", guest.name, graceful_end_ms / 1000));
    }
  } else {
    guests::kill(guest, destroyed_by_client);
    if (!guest.process.ends_within(kill_ms)) {
      forget();
      throw timed_out(fmt::format("the process of guest '{}' does not end", guest.name));
    }
  }
  const Parts::Held held(*parts_);
  parts_->look();
}

void Domains::shutdown(const DomainRef& domain, unsigned flags) {
  if (flags != 0) {
    throw unsupported(
        "guests of Samepage have no power button, agent or signal; without --mode they are stopped");
  }
  ask(live_one(*parts_, domain).ref, {{"do", "stop"}});
}

void Domains::reboot(const DomainRef& domain, unsigned /*flags*/) {
  const Live live = live_one(*parts_, domain);
  throw unsupported(
      fmt::format("guest '{}' has no reset button: destroy it and start it again", live.ref.name));
}

void Domains::suspend(const DomainRef& domain) {
  ask(live_one(*parts_, domain).ref, {{"do", "pause"}});
}

void Domains::resume(const DomainRef& domain) {
  ask(live_one(*parts_, domain).ref, {{"do", "resume"}});
}

void Domains::set_memory(const DomainRef& domain, std::uint64_t kib, unsigned flags) {
  refuse_flags("virDomainSetMemoryFlags", flags,
               VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_MEM_MAXIMUM);
  const bool maximum = (flags & VIR_DOMAIN_MEM_MAXIMUM) != 0;
  bool live = (flags & VIR_DOMAIN_AFFECT_LIVE) != 0;
  const bool config = (flags & VIR_DOMAIN_AFFECT_CONFIG) != 0;
  DomainRef ref;
  std::uint64_t max_kib = 0;
  {
    const auto here = parts_->lock();
    const FoundDomain found = parts_->needed(domain);
    if (!live && !config) live = found.running != nullptr || !maximum;
    if (live && found.running == nullptr) throw invalid_operation("domain is not running");
    if (live && maximum) throw invalid_operation("cannot resize the maximum memory on an active domain");
    if (config && found.definition == nullptr) {
      throw invalid_operation("transient domains do not have any persistent config");
    }
    ref = found.ref();
    max_kib = found.live().memory_kib;
    const std::uint64_t config_kib = found.definition != nullptr ? found.definition->memory_kib : max_kib;
    const std::uint64_t most = maximum ? ~std::uint64_t{0} / 1024
                                       : std::min(live ? max_kib : config_kib, config ? config_kib : max_kib);
    if (kib == 0 || kib > most || (maximum && kib % 4 != 0)) {
      throw invalid_argument(maximum ? "the maximum memory must be a multiple of 4 KiB"
                                     : "cannot set memory higher than max memory, or to 0");
    }
    if (live && !found.live().balloon) {
      throw invalid_operation("the domain has no <memballoon>: its memory can't be changed");
    }
    if (config || !live) {
      DomainDefinition changed = *found.definition;
      if (maximum) changed.memory_kib = kib;
      changed.current_kib = maximum ? std::min(changed.current_kib, kib) : kib;
      if (changed.current_kib < changed.memory_kib && !changed.balloon) {
        if (!maximum) throw invalid_operation("the domain has no <memballoon>: its memory can't be changed");
        changed.current_kib = kib;
      }
      parts_->definitions.put(changed);
    }
  }
  if (live) ask(ref, {{"do", "balloon"}, {"bytes", (max_kib - kib) * 1024}});
}

UniqueFd Domains::open_console(const DomainRef& domain, const std::string& device, unsigned flags) {
  // A console has room for several, so nobody is in the way.
  refuse_flags("virDomainOpenConsole", flags, VIR_DOMAIN_CONSOLE_FORCE | VIR_DOMAIN_CONSOLE_SAFE);
  const Live live = live_one(*parts_, domain);
  const bool serial = device.empty() || device == "serial0" || device == "console0" || device == "com1";
  const bool of_virtio = device == "console1" || device == "hvc0";
  if (!serial && !(of_virtio && live.definition.virtio_console)) {
    throw invalid_argument(fmt::format("cannot find character device '{}'", device));
  }
  guests::GuestConnection guest = connect_to(live.ref);
  const auto answer = vmm::ask(guest.socket.get(), {{"do", "console"}, {"port", serial ? "com1" : "hvc0"}},
                               {}, Clock::now() + answer_patience);
  if (!answer) throw timed_out(fmt::format("guest '{}' does not answer", live.ref.name));
  if (!answer->body.value("ok", false)) {
    throw operation_failed(answer->body.value("error", "the guest does not say why"));
  }
  return std::move(guest.socket);
}

}  // namespace samepage::libvirt
