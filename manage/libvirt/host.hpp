// SPDX-License-Identifier: Apache-2.0
// All that the server asks of what it serves. OwnHost is this user's guests; tests have another one. The
// calls are those of Domains and of node.hpp: what they mean, and that any thread may call them, is said
// there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/node.hpp"
#include "manage/libvirt/typed_parameter.hpp"
#include "manage/libvirt/uuid.hpp"

namespace samepage::libvirt {

class Host {
 public:
  Host() = default;
  virtual ~Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Guests: class Domains.
  [[nodiscard]] virtual std::vector<DomainRef> list(unsigned flags) = 0;
  [[nodiscard]] virtual DomainRef by_id(int id) = 0;
  [[nodiscard]] virtual DomainRef by_name(const std::string& name) = 0;
  [[nodiscard]] virtual DomainRef by_uuid(const Uuid& uuid) = 0;

  virtual DomainRef define(const std::string& xml, unsigned flags) = 0;
  virtual void undefine(const DomainRef& domain, unsigned flags) = 0;
  [[nodiscard]] virtual bool is_persistent(const DomainRef& domain) = 0;
  [[nodiscard]] virtual bool autostart(const DomainRef& domain) = 0;
  virtual void set_autostart(const DomainRef& domain, bool with_host) = 0;

  virtual DomainRef create(const std::string& xml, unsigned flags) = 0;
  virtual DomainRef start(const DomainRef& domain, unsigned flags) = 0;
  virtual void destroy(const DomainRef& domain, unsigned flags) = 0;
  virtual void shutdown(const DomainRef& domain, unsigned flags) = 0;
  virtual void reboot(const DomainRef& domain, unsigned flags) = 0;
  virtual void suspend(const DomainRef& domain) = 0;
  virtual void resume(const DomainRef& domain) = 0;
  virtual void set_memory(const DomainRef& domain, std::uint64_t kib, unsigned flags) = 0;

  [[nodiscard]] virtual bool is_active(const DomainRef& domain) = 0;
  [[nodiscard]] virtual DomainState state(const DomainRef& domain) = 0;
  [[nodiscard]] virtual std::string xml(const DomainRef& domain, unsigned flags) = 0;
  [[nodiscard]] virtual unsigned vcpu_count(const DomainRef& domain, unsigned flags) = 0;
  [[nodiscard]] virtual std::vector<std::string> messages(const DomainRef& domain) = 0;
  [[nodiscard]] virtual DomainInfo info(const DomainRef& domain) = 0;
  [[nodiscard]] virtual std::vector<MemoryStat> memory_stats(const DomainRef& domain) = 0;
  [[nodiscard]] virtual std::vector<VcpuInfo> vcpus(const DomainRef& domain) = 0;
  [[nodiscard]] virtual std::vector<TypedParameter> cpu_stats(const DomainRef& domain) = 0;
  [[nodiscard]] virtual BlockStats block_stats(const DomainRef& domain, const std::string& device) = 0;
  [[nodiscard]] virtual std::vector<TypedParameter> block_parameters(const DomainRef& domain,
                                                                     const std::string& device) = 0;
  [[nodiscard]] virtual InterfaceStats interface_stats(const DomainRef& domain,
                                                       const std::string& device) = 0;
  [[nodiscard]] virtual std::vector<Domains::Stats> stats(std::span<const DomainRef> domains, unsigned groups,
                                                          unsigned flags) = 0;
  [[nodiscard]] virtual UniqueFd open_console(const DomainRef& domain, const std::string& device,
                                              unsigned flags) = 0;

  [[nodiscard]] virtual int events_fd() const = 0;
  [[nodiscard]] virtual std::vector<LifecycleEvent> take_events() = 0;

  // The host that they run on: node.hpp.
  [[nodiscard]] virtual NodeInfo node_info() = 0;
  [[nodiscard]] virtual NamedFigures node_memory_stats(int cell) = 0;
  [[nodiscard]] virtual NamedFigures node_cpu_stats(int cpu) = 0;
  [[nodiscard]] virtual CpuMap node_cpu_map() = 0;
  [[nodiscard]] virtual std::uint64_t node_free_memory() = 0;
  [[nodiscard]] virtual std::string host_name() = 0;
  [[nodiscard]] virtual std::string capabilities_xml() = 0;
  using OptionalText = std::optional<std::string>;
  [[nodiscard]] virtual std::string domain_capabilities_xml(const OptionalText& emulator,
                                                            const OptionalText& architecture,
                                                            const OptionalText& machine,
                                                            const OptionalText& type) = 0;
  [[nodiscard]] virtual unsigned most_vcpus(const OptionalText& type) = 0;
  [[nodiscard]] virtual std::vector<TypedParameter> node_memory_parameters() = 0;
  virtual void set_node_memory_parameters(std::span<const TypedParameter> parameters) = 0;
};

}  // namespace samepage::libvirt
