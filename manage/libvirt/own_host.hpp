// SPDX-License-Identifier: Apache-2.0
// The host that the server really serves: this user's guests and what they run on.
#pragma once

#include <string>
#include <utility>

#include "manage/libvirt/host.hpp"

namespace samepage::libvirt {

class OwnHost final : public Host {
 public:
  /// As Domains.
  explicit OwnHost(std::string directory) : domains_(std::move(directory)) {}

  [[nodiscard]] Domains& domains() { return domains_; }

  std::vector<DomainRef> list(unsigned flags) override { return domains_.list(flags); }
  DomainRef by_id(int id) override { return domains_.by_id(id); }
  DomainRef by_name(const std::string& name) override { return domains_.by_name(name); }
  DomainRef by_uuid(const Uuid& uuid) override { return domains_.by_uuid(uuid); }

  DomainRef define(const std::string& xml, unsigned flags) override { return domains_.define(xml, flags); }
  void undefine(const DomainRef& domain, unsigned flags) override { domains_.undefine(domain, flags); }
  bool is_persistent(const DomainRef& domain) override { return domains_.is_persistent(domain); }
  bool autostart(const DomainRef& domain) override { return domains_.autostart(domain); }
  void set_autostart(const DomainRef& domain, bool on) override { domains_.set_autostart(domain, on); }

  DomainRef create(const std::string& xml, unsigned flags) override { return domains_.create(xml, flags); }
  DomainRef start(const DomainRef& domain, unsigned flags) override { return domains_.start(domain, flags); }
  void destroy(const DomainRef& domain, unsigned flags) override { domains_.destroy(domain, flags); }
  void shutdown(const DomainRef& domain, unsigned flags) override { domains_.shutdown(domain, flags); }
  void reboot(const DomainRef& domain, unsigned flags) override { domains_.reboot(domain, flags); }
  void suspend(const DomainRef& domain) override { domains_.suspend(domain); }
  void resume(const DomainRef& domain) override { domains_.resume(domain); }
  void set_memory(const DomainRef& domain, std::uint64_t kib, unsigned flags) override {
    domains_.set_memory(domain, kib, flags);
  }

  bool is_active(const DomainRef& domain) override { return domains_.is_active(domain); }
  DomainState state(const DomainRef& domain) override { return domains_.state(domain); }
  std::string xml(const DomainRef& domain, unsigned flags) override { return domains_.xml(domain, flags); }
  unsigned vcpu_count(const DomainRef& domain, unsigned flags) override {
    return domains_.vcpu_count(domain, flags);
  }
  std::vector<std::string> messages(const DomainRef& domain) override { return domains_.messages(domain); }
  DomainInfo info(const DomainRef& domain) override { return domains_.info(domain); }
  std::vector<MemoryStat> memory_stats(const DomainRef& domain) override {
    return domains_.memory_stats(domain);
  }
  std::vector<VcpuInfo> vcpus(const DomainRef& domain) override { return domains_.vcpus(domain); }
  std::vector<TypedParameter> cpu_stats(const DomainRef& domain) override {
    return domains_.cpu_stats(domain);
  }
  BlockStats block_stats(const DomainRef& domain, const std::string& device) override {
    return domains_.block_stats(domain, device);
  }
  std::vector<TypedParameter> block_parameters(const DomainRef& domain, const std::string& device) override {
    return domains_.block_parameters(domain, device);
  }
  InterfaceStats interface_stats(const DomainRef& domain, const std::string& device) override {
    return domains_.interface_stats(domain, device);
  }
  std::vector<Domains::Stats> stats(std::span<const DomainRef> domains, unsigned groups,
                                    unsigned flags) override {
    return domains_.stats(domains, groups, flags);
  }
  UniqueFd open_console(const DomainRef& domain, const std::string& device, unsigned flags) override {
    return domains_.open_console(domain, device, flags);
  }

  int events_fd() const override { return domains_.events_fd(); }
  std::vector<LifecycleEvent> take_events() override { return domains_.take_events(); }

  NodeInfo node_info() override { return libvirt::node_info(); }
  NamedFigures node_memory_stats(int cell) override { return libvirt::node_memory_stats(cell); }
  NamedFigures node_cpu_stats(int cpu) override { return libvirt::node_cpu_stats(cpu); }
  CpuMap node_cpu_map() override { return libvirt::node_cpu_map(); }
  std::uint64_t node_free_memory() override { return libvirt::node_free_memory(); }
  std::string host_name() override { return libvirt::host_name(); }
  std::string capabilities_xml() override { return libvirt::capabilities_xml(); }
  std::string domain_capabilities_xml(const OptionalText& emulator, const OptionalText& architecture,
                                      const OptionalText& machine, const OptionalText& type) override {
    return libvirt::domain_capabilities_xml(emulator, architecture, machine, type);
  }
  unsigned most_vcpus(const OptionalText& type) override { return libvirt::most_vcpus(type); }
  std::vector<TypedParameter> node_memory_parameters() override { return libvirt::node_memory_parameters(); }
  void set_node_memory_parameters(std::span<const TypedParameter> parameters) override {
    libvirt::set_node_memory_parameters(parameters);
  }

 private:
  Domains domains_;
};

}  // namespace samepage::libvirt
