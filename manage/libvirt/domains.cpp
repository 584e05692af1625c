// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/domains.hpp"

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {

struct Domains::Parts {};

Domains::Domains(std::string /*directory*/) : parts_(std::make_unique<Parts>()) {}
Domains::~Domains() = default;

std::string Domains::default_directory() {
  return {};
}
std::vector<std::string> Domains::take_complaints() {
  return {};
}
void Domains::start_autostarted() {}
std::vector<DomainRef> Domains::list(unsigned) {
  return {};
}
DomainRef Domains::by_id(int) {
  throw no_support("virDomainLookupByID");
}
DomainRef Domains::by_name(const std::string& name) {
  throw no_domain(name);
}
DomainRef Domains::by_uuid(const Uuid& uuid) {
  throw no_domain(to_text(uuid));
}
DomainRef Domains::define(const std::string&, unsigned) {
  throw no_support("virDomainDefineXML");
}
void Domains::undefine(const DomainRef&, unsigned) {
  throw no_support("virDomainUndefine");
}
bool Domains::is_persistent(const DomainRef&) {
  return false;
}
bool Domains::autostart(const DomainRef&) {
  return false;
}
void Domains::set_autostart(const DomainRef&, bool) {
  throw no_support("virDomainSetAutostart");
}
DomainRef Domains::create(const std::string&, unsigned) {
  throw no_support("virDomainCreateXML");
}
DomainRef Domains::start(const DomainRef&, unsigned) {
  throw no_support("virDomainCreate");
}
void Domains::destroy(const DomainRef&, unsigned) {
  throw no_support("virDomainDestroy");
}
void Domains::shutdown(const DomainRef&, unsigned) {
  throw no_support("virDomainShutdown");
}
void Domains::reboot(const DomainRef&, unsigned) {
  throw no_support("virDomainReboot");
}
void Domains::suspend(const DomainRef&) {
  throw no_support("virDomainSuspend");
}
void Domains::resume(const DomainRef&) {
  throw no_support("virDomainResume");
}
void Domains::set_memory(const DomainRef&, std::uint64_t, unsigned) {
  throw no_support("virDomainSetMemory");
}
bool Domains::is_active(const DomainRef&) {
  return false;
}
DomainState Domains::state(const DomainRef&) {
  return {};
}
std::string Domains::xml(const DomainRef&, unsigned) {
  throw no_support("virDomainGetXMLDesc");
}
unsigned Domains::vcpu_count(const DomainRef&, unsigned) {
  return 1;
}
std::vector<std::string> Domains::messages(const DomainRef&) {
  return {};
}
DomainInfo Domains::info(const DomainRef&) {
  return {};
}
std::vector<MemoryStat> Domains::memory_stats(const DomainRef&) {
  return {};
}
std::vector<VcpuInfo> Domains::vcpus(const DomainRef&) {
  return {};
}
std::vector<TypedParameter> Domains::cpu_stats(const DomainRef&) {
  return {};
}
BlockStats Domains::block_stats(const DomainRef&, const std::string&) {
  return {};
}
std::vector<TypedParameter> Domains::block_parameters(const DomainRef&, const std::string&) {
  return {};
}
InterfaceStats Domains::interface_stats(const DomainRef&, const std::string&) {
  return {};
}
std::vector<Domains::Stats> Domains::stats(std::span<const DomainRef>, unsigned, unsigned) {
  return {};
}
UniqueFd Domains::open_console(const DomainRef&, const std::string&, unsigned) {
  throw no_support("virDomainOpenConsole");
}
int Domains::events_fd() const {
  return -1;
}
std::vector<LifecycleEvent> Domains::take_events() {
  return {};
}

}  // namespace samepage::libvirt
