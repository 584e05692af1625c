// SPDX-License-Identifier: Apache-2.0
// Which domains there are, definitions, what is known without asking, and events. What asks guests and steers
// them is in domain_lifecycle.cpp.
// Long because the state that the mutex guards is in one place.
#include "manage/libvirt/domains.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/check.hpp"
#include "base/event_fd.hpp"
#include "base/runtime_dir.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/domains_parts.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/list_filter.hpp"
#include "manage/libvirt/node.hpp"
#include "manage/libvirt/settled_definition.hpp"

namespace samepage::libvirt {
namespace {

// The same for a name on this host, for this user and this runtime directory, whoever asks and when.
Uuid uuid_of_name(const std::string& name) {
  static const std::string here = [] {
    return fmt::format("{}\n{}\n{}\n", machine_id(), ::geteuid(), runtime_dir());
  }();
  return uuid_of_text(here + name);
}

void poll_for(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  check(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

}  // namespace

unsigned Domains::Parts::list_flags(const FoundDomain& domain, const DomainState& state) const {
  // No guest has any of these.
  unsigned flags = VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE | VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT |
                   VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT;
  const auto one_of = [&](bool first, virConnectListAllDomainsFlags yes, virConnectListAllDomainsFlags no) {
    flags |= static_cast<unsigned>(first ? yes : no);
  };
  one_of(domain.running != nullptr, VIR_CONNECT_LIST_DOMAINS_ACTIVE, VIR_CONNECT_LIST_DOMAINS_INACTIVE);
  one_of(domain.definition != nullptr, VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
         VIR_CONNECT_LIST_DOMAINS_TRANSIENT);
  one_of(definitions.starts_with_host(domain.name), VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
         VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART);
  switch (state.state) {
    case VIR_DOMAIN_RUNNING:
      return flags | VIR_CONNECT_LIST_DOMAINS_RUNNING;
    case VIR_DOMAIN_PAUSED:
      return flags | VIR_CONNECT_LIST_DOMAINS_PAUSED;
    case VIR_DOMAIN_SHUTOFF:
      return flags | VIR_CONNECT_LIST_DOMAINS_SHUTOFF;
    default:
      return flags | VIR_CONNECT_LIST_DOMAINS_OTHER;
  }
}

DomainRef FoundDomain::ref() const {
  return {name, uuid, running == nullptr ? -1 : static_cast<int>(running->pid)};
}

const DomainDefinition& FoundDomain::live() const {
  return running != nullptr && running->answers ? running->definition
         : definition != nullptr                ? *definition
                                                : unknown();
}

const DomainDefinition& FoundDomain::unknown() {
  static const DomainDefinition nothing{};
  return nothing;
}

Domains::Parts::Parts(std::string directory)
    : definitions(std::move(directory)),
      news(make_event()),
      epoll(checked_fd(::epoll_create1(EPOLL_CLOEXEC), "epoll_create")) {
  poll_for(epoll.get(), table.fd());
  poll_for(epoll.get(), news.get());
}

void Domains::Parts::look() {
  table.wait_for_answers();
  take_news();
}

void Domains::Parts::take_news() {
  for (const GuestNews& one : table.take_news()) {
    const std::string& name = one.guest.name;
    DomainRef ref{name, uuid_of(name, &one.guest), static_cast<int>(one.guest.pid)};
    switch (one.what) {
      case GuestNews::What::started:
        told_of[name] = one.guest.pid;
        ends.erase(name);
        tell(ref, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
        break;
      case GuestNews::What::paused:
        tell(ref, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
        break;
      case GuestNews::What::resumed:
        tell(ref, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
        break;
      case GuestNews::What::ended:
        ended(std::move(ref), one.end);
        break;
    }
  }
}

void Domains::Parts::ended(DomainRef ref, const vmm::GuestRecord::End& end) {
  EndInWords words = words_for(end);
  if (const auto on_purpose = destroyed.find(ref.name); on_purpose != destroyed.end()) {
    if (on_purpose->second == ref.id) {
      words.detail = VIR_DOMAIN_EVENT_STOPPED_DESTROYED;
      words.reason = VIR_DOMAIN_SHUTOFF_DESTROYED;
    }
    destroyed.erase(on_purpose);
  }
  const bool persistent = definitions.find(ref.name) != nullptr;
  if (persistent) ends[ref.name] = words;
  if (persistent) ref.id = -1;
  tell(ref, VIR_DOMAIN_EVENT_STOPPED, words.detail);
}

void Domains::Parts::tell(const DomainRef& domain, int event, int detail) {
  events.push_back({domain, event, detail});
  signal_event(news.get());
}

Uuid Domains::Parts::uuid_of(const std::string& name, const RunningDomain* running) const {
  if (const DomainDefinition* defined = definitions.find(name)) return *defined->uuid;
  if (running != nullptr && running->answers && running->definition.uuid) return *running->definition.uuid;
  return uuid_of_name(name);
}

std::vector<FoundDomain> Domains::Parts::all() const {
  std::vector<FoundDomain> found;
  for (const RunningDomain* running : table.all()) {
    found.push_back(
        {running->name, uuid_of(running->name, running), running, definitions.find(running->name)});
  }
  for (const auto& [name, definition] : definitions.all()) {
    if (table.find(name) == nullptr) found.push_back({name, *definition.uuid, nullptr, &definition});
  }
  return found;
}

std::optional<FoundDomain> Domains::Parts::find(const std::string& name) const {
  const RunningDomain* const running = table.find(name);
  const DomainDefinition* const definition = definitions.find(name);
  if (running == nullptr && definition == nullptr) return std::nullopt;
  return FoundDomain{name, uuid_of(name, running), running, definition};
}

std::optional<FoundDomain> Domains::Parts::find(const Uuid& uuid) const {
  for (FoundDomain& domain : all()) {
    if (domain.uuid == uuid) return std::move(domain);
  }
  return std::nullopt;
}

FoundDomain Domains::Parts::needed(const DomainRef& domain) const {
  // Most references are not old: that saves looking at all.
  std::optional<FoundDomain> found = find(domain.name);
  if (!found || found->uuid != domain.uuid) found = find(domain.uuid);
  if (!found) throw no_domain(fmt::format("{}' with UUID '{}", domain.name, to_text(domain.uuid)));
  return std::move(*found);
}

FoundDomain Domains::Parts::needed_running(const DomainRef& domain) const {
  FoundDomain found = needed(domain);
  if (found.running == nullptr) throw invalid_operation("domain is not running");
  return found;
}

DomainState Domains::Parts::state_of(const FoundDomain& domain) const {
  if (const RunningDomain* const running = domain.running) {
    if (!running->answers) return {VIR_DOMAIN_NOSTATE, VIR_DOMAIN_NOSTATE_UNKNOWN};
    if (running->paused) return {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER};
    return {VIR_DOMAIN_RUNNING, running->resumed ? VIR_DOMAIN_RUNNING_UNPAUSED : VIR_DOMAIN_RUNNING_BOOTED};
  }
  return {VIR_DOMAIN_SHUTOFF, end_of(domain.name).reason};
}

EndInWords Domains::Parts::end_of(const std::string& name) const {
  if (const auto found = ends.find(name); found != ends.end()) return found->second;
  // Before this program was started.
  const auto record = vmm::GuestRecords::of_this_user().find(name);
  return record ? words_for(record->how_it_ended()) : EndInWords{};
}

Domains::Domains(std::string directory) : parts_(std::make_unique<Parts>(std::move(directory))) {}
Domains::~Domains() = default;

std::string Domains::default_directory() {
  const auto of = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string(value != nullptr && *value == '/' ? value : "");
  };
  if (const std::string config = of("XDG_CONFIG_HOME"); !config.empty()) return config + "/samepage/libvirt";
  if (const std::string home = of("HOME"); !home.empty()) return home + "/.config/samepage/libvirt";
  throw UserError("there is no place for definitions: set HOME or XDG_CONFIG_HOME");
}

std::vector<std::string> Domains::take_complaints() {
  const std::unique_lock lock(parts_->mutex, std::try_to_lock);
  if (!lock) return {};  // next time
  std::vector<std::string> complaints = parts_->definitions.take_complaints();
  complaints.insert(complaints.end(), parts_->complaints.begin(), parts_->complaints.end());
  parts_->complaints.clear();
  return complaints;
}

std::vector<DomainRef> Domains::list(unsigned flags) {
  const auto here = parts_->lock();
  std::vector<DomainRef> domains;
  for (const FoundDomain& domain : parts_->all()) {
    if (passes_filter(parts_->list_flags(domain, parts_->state_of(domain)), flags))
      domains.push_back(domain.ref());
  }
  return domains;
}

DomainRef Domains::by_id(int id) {
  const auto here = parts_->lock();
  for (const FoundDomain& domain : parts_->all()) {
    if (const DomainRef ref = domain.ref(); ref.id == id && id >= 0) return ref;
  }
  throw no_domain(fmt::format("with id {}", id));
}

DomainRef Domains::by_name(const std::string& name) {
  const auto here = parts_->lock();
  const std::optional<FoundDomain> found = parts_->find(name);
  if (!found) throw no_domain(name);
  return found->ref();
}

DomainRef Domains::by_uuid(const Uuid& uuid) {
  const auto here = parts_->lock();
  const std::optional<FoundDomain> found = parts_->find(uuid);
  if (!found) throw no_domain(to_text(uuid));
  return found->ref();
}

DomainRef Domains::define(const std::string& xml, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(VIR_DOMAIN_DEFINE_VALIDATE)) != 0) {
    throw unsupported_flags("virDomainDefineXMLFlags", flags);
  }
  DomainDefinition definition = settled(read_domain(xml));
  const auto here = parts_->lock();
  parts_->require_free(definition);
  const bool known = parts_->definitions.find(definition.name) != nullptr;
  parts_->definitions.put(definition);
  if (!known) parts_->ends.erase(definition.name);
  const DomainRef ref = parts_->find(definition.name)->ref();
  parts_->tell(ref, VIR_DOMAIN_EVENT_DEFINED,
               known ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED);
  return ref;
}

void Domains::undefine(const DomainRef& domain, unsigned flags) {
  // What else could be removed with it, there is not.
  constexpr unsigned known = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                             VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM |
                             VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
  if ((flags & ~known) != 0) throw unsupported_flags("virDomainUndefineFlags", flags);
  const auto here = parts_->lock();
  const FoundDomain found = parts_->needed(domain);
  if (found.definition == nullptr) throw invalid_operation("cannot undefine transient domain");
  const DomainRef ref = found.ref();
  parts_->definitions.remove(found.name);
  parts_->ends.erase(ref.name);
  parts_->tell(ref, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
}

bool Domains::is_persistent(const DomainRef& domain) {
  const auto here = parts_->lock();
  return parts_->needed(domain).definition != nullptr;
}

bool Domains::autostart(const DomainRef& domain) {
  const auto here = parts_->lock();
  const FoundDomain found = parts_->needed(domain);
  return found.definition != nullptr && parts_->definitions.starts_with_host(found.name);
}

void Domains::set_autostart(const DomainRef& domain, bool with_host) {
  const auto here = parts_->lock();
  const FoundDomain found = parts_->needed(domain);
  if (found.definition == nullptr) throw invalid_operation("cannot set autostart for transient domain");
  parts_->definitions.set_starts_with_host(found.name, with_host);
}

bool Domains::is_active(const DomainRef& domain) {
  const auto here = parts_->lock();
  return parts_->needed(domain).running != nullptr;
}

DomainState Domains::state(const DomainRef& domain) {
  const auto here = parts_->lock();
  return parts_->state_of(parts_->needed(domain));
}

std::string Domains::xml(const DomainRef& domain, unsigned flags) {
  constexpr unsigned known = VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_UPDATE_CPU;
  if ((flags & ~known) != 0) throw unsupported_flags("virDomainGetXMLDesc", flags);
  const auto here = parts_->lock();
  const FoundDomain found = parts_->needed(domain);
  const bool wants_next_life = (flags & VIR_DOMAIN_XML_INACTIVE) != 0;
  if (wants_next_life && found.definition != nullptr) return domain_xml(*found.definition);
  if (found.running != nullptr && !found.running->answers) {
    throw operation_failed(fmt::format("guest '{}' does not answer", found.name));
  }
  DomainDefinition live = found.live();
  live.uuid = found.uuid;
  if (found.running != nullptr) {
    live.current_kib = live.memory_kib - std::min(live.memory_kib - 1, found.running->balloon_bytes / 1024);
  }
  fill_in_sizes(live);
  return domain_xml(live, wants_next_life ? -1 : found.ref().id);
}

unsigned Domains::vcpu_count(const DomainRef& domain, unsigned flags) {
  constexpr unsigned known = VIR_DOMAIN_VCPU_LIVE | VIR_DOMAIN_VCPU_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM;
  if ((flags & ~known) != 0) throw unsupported_flags("virDomainGetVcpusFlags", flags);
  const auto here = parts_->lock();
  const FoundDomain found = parts_->needed(domain);
  if ((flags & VIR_DOMAIN_VCPU_LIVE) != 0 && found.running == nullptr) {
    throw invalid_operation("domain is not running");
  }
  if ((flags & VIR_DOMAIN_VCPU_CONFIG) != 0) {
    if (found.definition == nullptr)
      throw invalid_operation("transient domains do not have any persistent config");
    return found.definition->vcpus;
  }
  return found.live().vcpus;
}

std::vector<std::string> Domains::messages(const DomainRef& domain) {
  const auto here = parts_->lock();
  const FoundDomain found = parts_->needed(domain);
  if (found.running != nullptr) return {};
  const std::string message = parts_->end_of(found.name).message;
  return message.empty() ? std::vector<std::string>{} : std::vector{message};
}

int Domains::events_fd() const {
  return parts_->epoll.get();
}

std::vector<LifecycleEvent> Domains::take_events() {
  parts_->missed = true;  // before the try: whoever holds the mutex looks at this when it is free
  const std::unique_lock lock(parts_->mutex, std::try_to_lock);
  if (!lock) return {};
  parts_->missed = false;
  clear_event(parts_->news.get());
  parts_->table.look();
  parts_->take_news();
  return std::exchange(parts_->events, {});
}

}  // namespace samepage::libvirt
