// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_process.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <span>
#include <vector>

#include "base/runtime_dir.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/daemon_client.hpp"
#include "vmm/control/console_log.hpp"
#include "vmm/control/guest_control.hpp"
#include "vmm/control/guest_name.hpp"
#include "vmm/control/registry.hpp"
#include "vmm/control/stop_signals.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::vmm {
namespace {

bool shares(const DomainChoice& domain) {
  return domain.kind != DomainChoice::Kind::none;
}

dedup::AgentConfig agent_config(const std::string& guest, const DomainChoice& domain) {
  const bool zero_only = domain.kind == DomainChoice::Kind::zero_only;
  return {guest, domain.label, zero_only ? dedup::Sharing::zero_only : dedup::Sharing::all,
          daemon_socket_path()};
}

NameClaim claim_name(const GuestProcessConfig& config) {
  const GuestRegistry registry = GuestRegistry::of_this_user();
  return config.name.empty() ? registry.claim_numbered(base_name_of_image(config.image), config.first_number)
                             : registry.claim(config.name);
}

// Gives pages back to the kernel that set-up or a large answer needed: small guests are the point.
void trim_heap() {
  ::malloc_trim(0);
}

// Polls until the guest has ended. Returns the signal that ended it, SIGTERM for a stop by socket.
int serve_until_end(Machine& machine, GuestControl& control, ConsoleLog& console, int listener,
                    const StopSignals& signals) {
  int stopped_by = SIGTERM;
  for (bool ended = false;;) {
    std::vector<pollfd> waits{
        {machine.ended_fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}, {listener, POLLIN, 0}};
    control.add_waits(waits);
    if (::poll(waits.data(), waits.size(), ended ? 0 : -1) < 0) {
      if (errno == EINTR) continue;
      throw_errno("poll");
    }
    if (waits[1].revents != 0) {
      if (const int signal = signals.take(); signal != 0) stopped_by = signal;
      machine.request_stop();
      console.close_output();
    }
    if (control.serve(std::span(waits).subspan(3))) trim_heap();
    if (waits[2].revents != 0) control.accept(listener);
    // Once more, for whom the last turn has let in.
    if (ended) return stopped_by;
    ended = waits[0].revents != 0;
  }
}

int status_of(const GuestExit& exit, const std::string& name, int stopped_by) {
  switch (exit.kind) {
    case GuestExit::Kind::exited:
      return exit.code;
    case GuestExit::Kind::stopped:
      fmt::print(stderr, "samepage: guest {} was stopped\n", name);
      return exit_by_signal(stopped_by);
    case GuestExit::Kind::failed:
      break;
  }
  fmt::print(stderr, "samepage: guest {} failed: {}\n", name, exit.message);
  return exit_guest_failed;
}

// A balloon's pages go through the agent: no device may call it when it is gone. Where a guest has ended, all
// it printed is out; where something else went wrong, nobody waits for the reader of its console.
class DevicesEndFirst {
 public:
  DevicesEndFirst(Machine& machine, ConsoleLog& console) : machine_(machine), console_(console) {}
  ~DevicesEndFirst() {
    console_.close_output();
    machine_.stop_devices();
  }
  DevicesEndFirst(const DevicesEndFirst&) = delete;
  DevicesEndFirst& operator=(const DevicesEndFirst&) = delete;

 private:
  Machine& machine_;
  ConsoleLog& console_;
};

}  // namespace

std::string DomainChoice::text() const {
  if (kind == Kind::none) return "none";
  return kind == Kind::zero_only ? "zero-only" : label;
}

int run_guest(const GuestProcessConfig& config, const RunningHook& on_running) {
  // First of all: it may start a process, which must be done before guest memory and threads exist.
  UniqueFd daemon;
  if (shares(config.domain)) daemon = dedup::ensure_daemon(daemon_socket_path());
  const StopSignals signals;
  const NameClaim claim = claim_name(config);
  ConsoleLog console(config.console);
  // The image comes after the agent: what other guests have of it is mapped, not copied.
  Machine machine(
      config.machine, [&console](std::string_view text) { console.put_out(text); }, ImageLoading::later);
  machine.watch_console([&console](std::string_view text) { console.keep(text); },
                        [&console] { console.wake(); });
  std::optional<dedup::Agent> agent;
  if (shares(config.domain)) agent.emplace(agent_config(claim.name(), config.domain), machine.ram(), machine);
  daemon.reset();
  machine.load(agent ? &*agent : nullptr);
  const DevicesEndFirst devices_end_first(machine, console);
  if (agent) {
    machine.give_back_with([&agent](std::span<const GfnRange> ranges) { agent->discard(ranges); });
  }
  GuestControl control({claim.name(), config.domain.text(), config.image, config.machine.cpus,
                        std::chrono::steady_clock::now()},
                       machine, agent ? &*agent : nullptr, console);
  if (agent) agent->start();
  machine.start();
  on_running(claim.name());
  trim_heap();
  const int stopped_by = serve_until_end(machine, control, console, claim.listener(), signals);
  const int status = status_of(machine.wait(), claim.name(), stopped_by);
  control.finish(status);
  return status;
}

}  // namespace samepage::vmm
