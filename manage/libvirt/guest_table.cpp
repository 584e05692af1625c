// SPDX-License-Identifier: Apache-2.0
// The guests that run, as their sockets and pidfds tell. Long because every end of a guest has to be seen
// once, whichever of registry, watch and pidfd tells first.
#include "manage/libvirt/guest_table.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/poll_timeout.hpp"
#include "base/runtime_dir.hpp"
#include "manage/guests/guest_connection.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/error.hpp"
#include "vmm/control/guest_name.hpp"
#include "vmm/process/guest_config_bytes.hpp"

namespace samepage::libvirt {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::chrono::seconds first_words{2};
constexpr std::uint64_t directory_key = 0;
constexpr int turn_ms = 20;  // how often one that does not take callers is tried again
constexpr std::string_view suffix = ".sock";

// What it was started as: by us with our XML, or by somebody else.
DomainDefinition definition_from(const std::string& config) {
  const vmm::GuestProcessConfig guest = vmm::guest_config_of(config);
  if (guest.note.starts_with("<domain")) {
    try {
      DomainDefinition definition = read_domain(guest.note);
      if (definition.name == guest.name) return definition;
    } catch (const Error&) {
      // Of another version; what it is can be told without.
    }
  }
  return definition_of(guest);
}

vmm::GuestRecord::End end_from(const json& news) {
  return {vmm::now_in_seconds(), news.value("status", 0), news.value("how", ""), news.value("reason", "")};
}

// How one ended that did not say so itself.
vmm::GuestRecord::End end_from_record(const std::string& name, pid_t pid) {
  const std::optional<vmm::GuestRecord> record = vmm::GuestRecords::of_this_user().find(name);
  if (record && record->pid == pid) return record->how_it_ended();
  return vmm::GuestRecord{}.how_it_ended();
}

}  // namespace

namespace {

std::string guests_directory() {
  return runtime_dir() + "/guests";
}

}  // namespace

struct GuestTable::Watched {
  RunningDomain domain;
  std::uint64_t key = 0;
  bool known_from_start = false;  // it was there before us
  Clock::time_point found = Clock::now();
  std::optional<vmm::ProcessHandle> process;
  bool refused = false;  // it does not let us watch
  bool is_odd = false;   // what it is can't be read
  bool ending = false;   // its connection has ended: its process is waited for
  UniqueFd socket;
  vmm::AnswerReceiver receiver;
  std::optional<vmm::GuestRecord::End> end;
};

GuestTable::GuestTable()
    : registry_(vmm::GuestRegistry::of_this_user()),
      epoll_(checked_fd(::epoll_create1(EPOLL_CLOEXEC), "epoll_create")),
      inotify_(checked_fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init")) {
  poll_for(inotify_.get(), directory_key);
  if (!watch_directory()) throw_errno("inotify_add_watch of " + guests_directory());
  first_look_ = false;
}

GuestTable::~GuestTable() = default;

void GuestTable::poll_for(int fd, std::uint64_t key) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

// Closing it would not do: a process that was forked meanwhile may have it open.
void GuestTable::poll_no_more(int fd) const {
  if (fd >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

// False where there is none: somebody has removed it, and the next guest makes it anew.
bool GuestTable::watch_directory() {
  constexpr std::uint32_t what = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
  directory_lost_ = ::inotify_add_watch(inotify_.get(), guests_directory().c_str(), what) < 0;
  if (directory_lost_) return false;
  for (const std::string& name : registry_.names()) add(name);
  return true;
}

void GuestTable::look() {
  if (directory_lost_) watch_directory();
  for (const std::string& name : std::exchange(missed_, {})) add(name);
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    if (count <= 0) return;
    for (int i = 0; i < count; ++i) {
      const std::uint64_t key = events.at(static_cast<std::size_t>(i)).data.u64;
      if (key == directory_key) {
        read_directory();
      } else if (const auto found = by_key_.find(key); found != by_key_.end()) {
        hear(*found->second);
      }
    }
  }
}

void GuestTable::read_directory() {
  alignas(inotify_event) std::array<char, 16'384> bytes{};
  for (;;) {
    const ssize_t got = ::read(inotify_.get(), bytes.data(), bytes.size());
    if (got <= 0) return;
    bool overflow = false;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, bytes.data() + at, sizeof(event));
      std::string_view file(bytes.data() + at + sizeof(event), event.len);
      file = file.substr(0, file.find('\0'));
      at += sizeof(event) + event.len;
      overflow |= (event.mask & IN_Q_OVERFLOW) != 0;
      directory_lost_ |= (event.mask & IN_IGNORED) != 0;
      if (!file.ends_with(suffix)) continue;
      file.remove_suffix(suffix.size());
      add(std::string(file));
    }
    if (!overflow) continue;
    for (const std::string& name : registry_.names()) add(name);
  }
}

void GuestTable::look_for(const std::string& name) {
  add(name);
  look();
}

// One that has a name and is not there yet. One that is there and ends is followed by whoever has its name
// then.
void GuestTable::add(const std::string& name) {
  if (guests_.contains(name)) return;
  std::optional<guests::GuestConnection> found;
  try {
    found = guests::find_guest(name);
  } catch (const std::exception& error) {
    if (!vmm::is_guest_name(name)) return;
    missed_.insert(name);
    if (told_of_.insert(name).second)
      log(LogLevel::warning, "guest {} can't be watched yet: {}", name, error.what());
    return;
  }
  missed_.erase(name);
  told_of_.erase(name);
  if (!found) return;
  auto guest = std::make_unique<Watched>();
  guest->domain.name = name;
  guest->domain.pid = found->pid;
  guest->known_from_start = first_look_;
  guest->process = std::move(found->process);
  Watched& added = *guests_.emplace(name, std::move(guest)).first->second;
  watch(added, std::move(found->socket));
}

void GuestTable::watch(Watched& guest, UniqueFd socket) {
  guest.socket = std::move(socket);
  guest.receiver = {};
  if (guest.key != 0) by_key_.erase(guest.key);
  guest.key = next_key_++;
  by_key_[guest.key] = &guest;
  poll_for(guest.socket.get(), guest.key);
  static_cast<void>(vmm::send_request(guest.socket.get(), {{"do", "watch"}}));
}

void GuestTable::hear(Watched& guest) {
  if (guest.ending) {
    if (guest.process->ends_within(0)) forget(guest.domain.name);
    return;
  }
  for (;;) {
    const vmm::AnswerReceiver::State state = guest.receiver.receive(guest.socket.get());
    if (state == vmm::AnswerReceiver::State::partial) return;
    if (state == vmm::AnswerReceiver::State::gone) return hung_up(guest);
    take(guest, guest.receiver.take());
    guest.receiver = {};
  }
}

void GuestTable::take(Watched& guest, vmm::ControlAnswer answer) {
  const json& body = answer.body;
  if (!body.value("ok", false)) {  // it has too many watchers, or is of a former version
    guest.refused = true;
    return;
  }
  if (body.value("ended", false)) {
    guest.end = end_from(body);
    return;
  }
  RunningDomain& domain = guest.domain;
  const bool first = !domain.answers;
  if (first) {
    try {
      domain.definition = definition_from(answer.data);
    } catch (const UserError& error) {  // of another version
      if (!std::exchange(guest.is_odd, true))
        log(LogLevel::warning, "guest {} is not shown to clients: {}", domain.name, error.what());
      return;
    }
    domain.answers = true;
    if (!guest.known_from_start) tell(GuestNews::What::started, guest);
  }
  domain.balloon_bytes = body.value("balloon_bytes", std::uint64_t{0});
  const bool paused = body.value("state", "") == "paused";
  if (paused == domain.paused) return;
  domain.paused = paused;
  domain.resumed = !paused;
  if (!first || !guest.known_from_start) {
    tell(paused ? GuestNews::What::paused : GuestNews::What::resumed, guest);
  }
}

// Its process is ending, or it has cut us off.
void GuestTable::hung_up(Watched& guest) {
  const std::string name = guest.domain.name;
  poll_no_more(guest.socket.get());
  guest.socket.reset();
  if (!guest.process->ends_within(0) && !guest.end && !guest.refused) {
    try {
      std::optional<guests::GuestConnection> again = guests::find_guest(name);
      if (again && again->pid == guest.domain.pid) return watch(guest, std::move(again->socket));
    } catch (const std::exception& error) {
      // Its process says when it ends.
      log(LogLevel::warning, "guest {} is no longer watched: {}", name, error.what());
    }
  }
  guest.ending = true;
  poll_for(guest.process->fd(), guest.key);
}

// The name is a copy: the guest that has it goes.
void GuestTable::forget(std::string name) {
  const auto found = guests_.find(name);
  const Watched& guest = *found->second;
  if (guest.domain.answers) {
    tell(GuestNews::What::ended, guest, guest.end ? *guest.end : end_from_record(name, guest.domain.pid));
  }
  poll_no_more(guest.process->fd());
  by_key_.erase(guest.key);
  guests_.erase(found);
  add(name);  // another may have the name by now
}

void GuestTable::tell(GuestNews::What what, const Watched& guest, vmm::GuestRecord::End end) {
  news_.push_back({what, guest.domain, std::move(end)});
}

bool GuestTable::wait_until(Clock::time_point end, const std::function<bool()>& holds) {
  for (;;) {
    look();
    if (holds()) return true;
    const int left = poll_timeout(end);
    if (left == 0) return false;
    pollfd wait{epoll_.get(), POLLIN, 0};
    ::poll(&wait, 1, std::min(left, turn_ms));
  }
}

void GuestTable::wait_for_answers() {
  look();
  const auto waited_for = [&](const Watched& guest) {
    return !guest.domain.answers && !guest.ending && Clock::now() < guest.found + first_words;
  };
  wait_until(Clock::now() + first_words, [&] {
    return std::none_of(guests_.begin(), guests_.end(),
                        [&](const auto& entry) { return waited_for(*entry.second); });
  });
}

const RunningDomain* GuestTable::find(const std::string& name) const {
  const auto found = guests_.find(name);
  return found == guests_.end() ? nullptr : &found->second->domain;
}

std::vector<const RunningDomain*> GuestTable::all() const {
  std::vector<const RunningDomain*> domains;
  domains.reserve(guests_.size());
  for (const auto& [name, guest] : guests_) domains.push_back(&guest->domain);
  return domains;
}

}  // namespace samepage::libvirt
