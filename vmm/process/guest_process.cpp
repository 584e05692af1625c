// SPDX-License-Identifier: Apache-2.0
// Long because the order in which a guest's process takes what it needs, and lets it go, is in one place.
#include "vmm/process/guest_process.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/lost_memory.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/promise.hpp"
#include "dedup/daemon_client.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/daemon_start.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_name.hpp"
#include "vmm/control/guest_record.hpp"
#include "vmm/control/line_watch.hpp"
#include "vmm/control/registry.hpp"
#include "vmm/control/stop_signals.hpp"
#include "vmm/process/console_input.hpp"
#include "vmm/process/console_log.hpp"
#include "vmm/process/guest_config_bytes.hpp"
#include "vmm/process/guest_confinement.hpp"
#include "vmm/process/guest_control.hpp"
#include "vmm/process/guest_service.hpp"
#include "vmm/process/restored_guest.hpp"
#include "vmm/process/settled_config.hpp"

namespace samepage::vmm {
namespace {

bool shares(const DomainChoice& domain) {
  return domain.kind != DomainChoice::Kind::none;
}

// The one thing that a guest's process starts while its guest runs: a daemon like the one that we would have
// started at first. One that somebody has named belongs to them.
std::function<void()> daemon_starter(const std::string& path) {
  if (daemon_socket_is_given()) return {};
  return [path] { dedup::start_daemon_in_passing(path); };
}

// It starts no daemon: a guest that shares nothing needs none.
dedup::AgentConfig promise_config(const std::string& guest) {
  return {guest, "none", dedup::Sharing::nothing, daemon_socket_path()};
}

dedup::AgentConfig agent_config(const std::string& guest, const GuestProcessConfig& config,
                                std::function<void()> start_daemon) {
  const DomainChoice& domain = config.domain;
  const bool zero_only = domain.kind == DomainChoice::Kind::zero_only;
  const std::string path = daemon_socket_path();
  return {guest,
          domain.label,
          zero_only ? dedup::Sharing::zero_only : dedup::Sharing::all,
          path,
          std::move(start_daemon),
          config.joins_later};
}

std::string warning_of(const dedup::Agent& agent) {
  if (agent.why_not_joined().empty()) return {};
  return fmt::format("nothing is shared for now: {}", agent.why_not_joined());
}

NameClaim claim_name(const GuestProcessConfig& config) {
  const GuestRegistry registry = GuestRegistry::of_this_user();
  if (!config.name.empty()) return registry.claim(config.name);
  const std::string base = config.numbered_as.empty() ? base_name_of_image(config.image) : config.numbered_as;
  return registry.claim_numbered(base, config.first_number);
}

// Keeps what is known of a guest for those who ask when it is gone. A record that can't be written is no
// reason for a guest to end.
class Recording {
 public:
  Recording(Afterwards afterwards, GuestRecord record) : afterwards_(afterwards), record_(std::move(record)) {
    write();
  }
  ~Recording() {
    if (record_.end) return;
    record_.end = {now_in_seconds(), exit_failure, "failed", "samepage itself could not go on"};
    write();
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  void ended(const GuestRecord::End& end, std::string output) {
    record_.end = end;
    record_.output = std::move(output);
    write();
  }

 private:
  void write() noexcept {
    try {
      const GuestRecords records = GuestRecords::of_this_user();
      // What is known of another guest that had the name is not this one's.
      afterwards_ == Afterwards::recorded ? records.put(record_) : records.forget(record_.name);
    } catch (const std::exception& error) {
      log_error("how it ends can't be kept", error);
    }
  }

  Afterwards afterwards_;
  GuestRecord record_;
};

// Only now, when nothing can keep the guest from running any more.
void empty_file(int fd) {
  struct stat info {};
  check(::fstat(fd, &info), "fstat of the console file");
  if (S_ISREG(info.st_mode)) check(::ftruncate(fd, 0), "ftruncate of the console file");
}

GuestRecord record_of(const GuestProcessConfig& config, const std::string& name) {
  return {name,
          config.domain.text(),
          config.image,
          ::getpid(),
          config.machine.cpus,
          config.machine.memory_bytes,
          now_in_seconds(),
          {},
          {}};
}

// How a guest ends whose process made a call that it may not make. Nothing waits for anybody: the thread that
// made it stands still, whatever it holds.
std::function<int(const ForbiddenCall&)> end_of_forbidden(Recording& recording, const ConsoleLog& console,
                                                          const GuestService& service) {
  return [&](const ForbiddenCall& call) {
    const GuestRecord::End end{now_in_seconds(), exit_guest_failed, "failed", text_of(call)};
    log(LogLevel::error, "it has ended: {}", end.reason);
    service.say(end);
    recording.ended(end, console.tail());
    return end.exit_code;
  };
}

// How a guest ends of which a page can't be read.
std::function<int(const std::string&)> end_of_lost_memory(Recording& recording, const ConsoleLog& console,
                                                          const GuestService& service,
                                                          GuestControl& control) {
  return [&](const std::string& reason) {
    const GuestRecord::End end{now_in_seconds(), exit_guest_failed, "failed", reason};
    recording.ended(end, {});  // should what follows hang
    service.say(end);
    control.finish(end);
    recording.ended(end, console.tail());
    return end.exit_code;
  };
}

// The console takes what the guest prints; the agent, if there is one, its image and the pages that it gives
// up.
MachineLinks links_of(ConsoleLog& console, LineWatch& lines, dedup::Agent* agent) {
  MachineLinks links;
  links.print = [&console, &lines](std::string_view text) {
    console.put_out(text);
    lines.saw(text);
  };
  links.abandon_output = [&console] { console.close_output(); };
  links.watch = [&console](std::string_view text) { console.keep(text); };
  links.on_room = [&console] { console.wake(); };
  if (agent == nullptr) return links;
  links.placer = agent;
  links.discard = [agent](std::span<const GfnRange> ranges) { agent->discard(ranges); };
  return links;
}

}  // namespace

std::string DomainChoice::text() const {
  if (kind == Kind::none) return "none";
  return kind == Kind::zero_only ? "zero-only" : label;
}

UniqueFd find_daemon() {
  try {
    return dedup::ensure_daemon(daemon_socket_path());
  } catch (const dedup::DaemonHangs&) {
    return {};
  }
}

int run_guest(const GuestProcessConfig& told, const GuestStreams& streams, const RunningHook& on_running,
              SnapshotFiles snapshot) {
  // First of all: it may start a process, which must be done before guest memory and threads exist.
  UniqueFd daemon;
  if (shares(told.domain)) daemon = find_daemon();
  const StopSignals signals;
  GuestConfinement confinement;
  const NameClaim claim = claim_name(told);
  const GuestProcessConfig config = settled(told, claim.name());
  set_log_name("guest " + claim.name());
  log_to_file_when_unheard();
  confinement.start_opener(config.confine, claim.name(),
                           shares(config.domain) ? daemon_starter(daemon_socket_path()) : nullptr);
  ConsoleLog console(streams.console);
  LineWatch lines;
  // In the order of life: an agent merges what is on the chassis, and the machine goes before its agent.
  std::optional<RestoredGuest> restored;
  if (snapshot.description) restored.emplace(std::move(snapshot), config);
  std::optional<GuestImage> image;
  if (!restored) image.emplace(config.machine);
  Chassis chassis(config.machine);
  dedup::Backing backed;
  if (restored) backed = restored->map_into(chassis.memory);
  std::optional<dedup::Promise> promise;
  std::optional<dedup::Agent> joined;
  if (shares(config.domain)) {
    joined.emplace(agent_config(claim.name(), config, confinement.daemon_starter()), chassis.memory.regions(),
                   chassis.gate);
  } else {
    promise.emplace(promise_config(claim.name()), pages_for(config.machine.memory_bytes).value);
  }
  dedup::Agent* const agent = joined ? &*joined : nullptr;
  daemon.reset();
  const std::string warning = agent != nullptr ? warning_of(*agent) : "";
  if (agent != nullptr) agent->is_backed(backed);
  std::optional<Machine> made;
  if (restored) {
    made.emplace(config.machine, restored->state(), chassis, links_of(console, lines, agent));
    restored->write_devices(made->files());
  } else {
    made.emplace(config.machine, *image, chassis, links_of(console, lines, agent));
  }
  Machine& machine = *made;
  image.reset();  // an unpacked kernel is memory that nobody can merge
  // Before anybody asks: who watches hears how the guest starts and then what changes.
  if (config.starts == Starts::paused) machine.gate().pause();
  GuestControl control({claim.name(), config.domain.text(), config.image, config.machine.cpus,
                        std::chrono::steady_clock::now(), bytes_of(config)},
                       machine, agent, console, restored ? &*restored : nullptr);
  ConsoleInput input(streams.input, streams.console, streams.escape, [&](std::span<const std::byte> typed) {
    return machine.receive(typed, streams.input_port);
  });
  if (input.may_be_a_dialogue() || ::isatty(streams.console) != 0) machine.show_prompts();
  if (config.console_content == ConsoleContent::emptied) empty_file(streams.console);
  Recording recording(config.afterwards, record_of(config, claim.name()));
  GuestService service(streams, {machine, control, console, signals, claim, input, lines});
  // Pages may be out in files soon. Threads that can't go on are not waited for.
  prepare_for_lost_memory({end_of_lost_memory(recording, console, service, control)});
  confinement.begin(end_of_forbidden(recording, console, service));
  if (promise) promise->start();
  if (agent != nullptr) agent->start();
  machine.start();
  on_running({claim.name(), warning});
  trim_heap();
  service.until_end();
  const GuestRecord::End end = service.end_of(machine.wait());
  recording.ended(end, console.tail());
  log(LogLevel::info, "it has ended: {}, code {}{}{}", end.how, end.exit_code, end.reason.empty() ? "" : ": ",
      end.reason);
  service.say(end);
  control.finish(end);
  return end.exit_code;
}

}  // namespace samepage::vmm
