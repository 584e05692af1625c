// SPDX-License-Identifier: Apache-2.0
// The guests of this user as libvirt's domains: those that are defined (files in a directory) and all that
// run, whoever started them. A guest's name is its identity: a guest that runs under the name of a definition
// is that domain. It is a client of the guests' control sockets alone, so it can go at any time.
//
// Any thread may call it, several at once. What is marked "slow" waits for a guest's process or for the
// daemon, up to 10 s (start, create and destroy: up to a minute). All others are quick, except that a guest
// that has just been found is waited for once, at most 2 s. What is refused is a libvirt::Error.
#pragma once

#include <libvirt/libvirt.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "manage/libvirt/typed_parameter.hpp"
#include "manage/libvirt/uuid.hpp"

namespace samepage::libvirt {

struct DomainRef {
  std::string name;
  Uuid uuid{};
  int id = -1;  // the pid of the guest's process; -1: it does not run
};

struct DomainInfo {
  int state = VIR_DOMAIN_NOSTATE;
  std::uint64_t max_kib = 0;
  std::uint64_t current_kib = 0;
  unsigned vcpus = 1;
  std::uint64_t cpu_ns = 0;
};

/// virDomainState and the reason that belongs to it.
struct DomainState {
  int state = VIR_DOMAIN_NOSTATE;
  int reason = 0;
};

struct MemoryStat {
  int tag = 0;  // virDomainMemoryStatTags
  std::uint64_t value = 0;
};

struct VcpuInfo {
  unsigned number = 0;
  int state = VIR_VCPU_RUNNING;
  std::uint64_t cpu_ns = 0;
  int host_cpu = 0;  // where it ran last
};

struct BlockStats {
  std::int64_t read_requests = 0, read_bytes = 0, write_requests = 0, write_bytes = 0;
  std::int64_t flush_requests = 0;
  std::int64_t errors = 0;

  BlockStats& operator+=(const BlockStats& other) {
    read_requests += other.read_requests, read_bytes += other.read_bytes;
    write_requests += other.write_requests, write_bytes += other.write_bytes;
    flush_requests += other.flush_requests, errors += other.errors;
    return *this;
  }
};

/// As the guest sees it: what it received and what it sent.
struct InterfaceStats {
  struct Direction {
    std::int64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
  };
  Direction received, sent;
};

struct LifecycleEvent {
  DomainRef domain;  // id -1 where a persistent domain stopped
  int event = 0;     // virDomainEventType
  int detail = 0;    // of its kind
};

class Domains {
 public:
  /// `directory` has the definitions; it is made when the first one is kept. Throws UserError and
  /// std::system_error.
  explicit Domains(std::string directory);
  ~Domains();
  Domains(const Domains&) = delete;
  Domains& operator=(const Domains&) = delete;

  /// $XDG_CONFIG_HOME/samepage/libvirt, else ~/.config/samepage/libvirt.
  static std::string default_directory();

  /// What is wrong with files of the directory, a sentence each; once.
  [[nodiscard]] std::vector<std::string> take_complaints();
  /// Slow. Starts those that are to be started with the host and do not run; what goes wrong is a complaint.
  void start_autostarted();

  // Who is there. `flags` are virConnectListAllDomainsFlags; 0: all.
  [[nodiscard]] std::vector<DomainRef> list(unsigned flags);
  [[nodiscard]] DomainRef by_id(int id);
  [[nodiscard]] DomainRef by_name(const std::string& name);
  [[nodiscard]] DomainRef by_uuid(const Uuid& uuid);

  // Definitions. All that take a DomainRef look it up by its UUID again: it may be an old one.
  DomainRef define(const std::string& xml, unsigned flags);
  void undefine(const DomainRef& domain, unsigned flags);
  [[nodiscard]] bool is_persistent(const DomainRef& domain);
  [[nodiscard]] bool autostart(const DomainRef& domain);
  void set_autostart(const DomainRef& domain, bool with_host);

  // Lives. `flags` are those of the libvirt call of the same name.
  /// Slow. VIR_DOMAIN_START_AUTODESTROY is the caller's affair.
  DomainRef create(const std::string& xml, unsigned flags);
  /// Slow.
  DomainRef start(const DomainRef& domain, unsigned flags);
  /// Slow.
  void destroy(const DomainRef& domain, unsigned flags);
  /// Slow.
  void shutdown(const DomainRef& domain, unsigned flags);
  /// Refused: no guest can.
  void reboot(const DomainRef& domain, unsigned flags);
  /// Slow.
  void suspend(const DomainRef& domain);
  /// Slow.
  void resume(const DomainRef& domain);
  /// Slow. VIR_DOMAIN_AFFECT_... and VIR_DOMAIN_MEM_MAXIMUM.
  void set_memory(const DomainRef& domain, std::uint64_t kib, unsigned flags);

  // What is known of one.
  [[nodiscard]] bool is_active(const DomainRef& domain);
  [[nodiscard]] DomainState state(const DomainRef& domain);
  /// `flags`: VIR_DOMAIN_XML_....
  [[nodiscard]] std::string xml(const DomainRef& domain, unsigned flags);
  /// `flags`: VIR_DOMAIN_VCPU_LIVE, _CONFIG, _MAXIMUM.
  [[nodiscard]] unsigned vcpu_count(const DomainRef& domain, unsigned flags);
  /// Why it ended, and the like.
  [[nodiscard]] std::vector<std::string> messages(const DomainRef& domain);
  /// Slow.
  [[nodiscard]] DomainInfo info(const DomainRef& domain);
  /// Slow.
  [[nodiscard]] std::vector<MemoryStat> memory_stats(const DomainRef& domain);
  /// Slow.
  [[nodiscard]] std::vector<VcpuInfo> vcpus(const DomainRef& domain);
  /// Slow. VIR_DOMAIN_CPU_STATS_..., of all CPUs together: there are no figures for each CPU of the host.
  [[nodiscard]] std::vector<TypedParameter> cpu_stats(const DomainRef& domain);
  /// Slow. `device` is the disk's target ("vda") or file.
  [[nodiscard]] BlockStats block_stats(const DomainRef& domain, const std::string& device);
  /// Slow. The same as VIR_DOMAIN_BLOCK_STATS_....
  [[nodiscard]] std::vector<TypedParameter> block_parameters(const DomainRef& domain,
                                                             const std::string& device);
  /// Slow. `device` is the TAP or the MAC address.
  [[nodiscard]] InterfaceStats interface_stats(const DomainRef& domain, const std::string& device);

  using Stats = std::pair<DomainRef, std::vector<TypedParameter>>;
  /// Slow. Of these domains (empty: of all) that `flags` (virConnectGetAllDomainStatsFlags) lets through.
  /// `groups`: virDomainStatsTypes; 0: all.
  [[nodiscard]] std::vector<Stats> stats(std::span<const DomainRef> domains, unsigned groups, unsigned flags);

  /// A connection to the guest's console, in the mode of "console" (vmm/control/control_message.hpp): its
  /// first answer was {"ok": true}; data messages come, and what is sent is input. Slow. `device` is
  /// "serial0" or empty for the serial console, "console1" or "hvc0" for the virtio console. `flags`:
  /// VIR_DOMAIN_CONSOLE_....
  [[nodiscard]] UniqueFd open_console(const DomainRef& domain, const std::string& device, unsigned flags);

  // What happens to them, whoever does it.
  /// Readable when take_events() has something to do. Of this object; never read.
  [[nodiscard]] int events_fd() const;
  /// What has happened since, each once and in order. Does not wait.
  [[nodiscard]] std::vector<LifecycleEvent> take_events();

  struct Parts;  // domains_parts.hpp

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace samepage::libvirt
