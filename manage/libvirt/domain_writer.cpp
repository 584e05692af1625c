// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <pugixml.hpp>
#include <utility>

#include "base/utf8.hpp"
#include "manage/libvirt/domain_metadata.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/xml_text.hpp"
#include "vmm/devices/virtio/mac_address.hpp"

namespace samepage::libvirt {
namespace {

using pugi::xml_node;
using vmm::DiskAccess;
using vmm::DomainChoice;
using vmm::EntryChoice;
using vmm::PmemAccess;

void set(xml_node element, const char* name, const std::string& value) {
  element.append_attribute(name) = utf8_text(value).c_str();
}

xml_node add_text(xml_node parent, const char* name, const std::string& text) {
  xml_node element = parent.append_child(name);
  element.append_child(pugi::node_pcdata).set_value(utf8_text(text).c_str());
  return element;
}

void add_text_if_any(xml_node parent, const char* name, const std::string& text) {
  if (!text.empty()) add_text(parent, name, text);
}

void add_kib(xml_node parent, const char* name, std::uint64_t kib) {
  set(add_text(parent, name, std::to_string(kib)), "unit", "KiB");
}

bool needs_namespace(const DomainDefinition& domain) {
  const bool shares_as_usual =
      domain.merge.kind == DomainChoice::Kind::none ||
      (domain.merge.kind == DomainChoice::Kind::label && domain.merge.label == "default");
  return !shares_as_usual || domain.entry != EntryChoice::automatic || !domain.roms.empty();
}

void add_os(xml_node root, const DomainDefinition& domain) {
  xml_node os = root.append_child("os");
  set(add_text(os, "type", "hvm"), "arch", "x86_64");
  add_text(os, "kernel", domain.kernel);
  add_text_if_any(os, "initrd", domain.initrd);
  add_text_if_any(os, "cmdline", domain.command_line);
}

void add_disk(xml_node devices, const DiskDefinition& disk) {
  xml_node element = devices.append_child("disk");
  set(element, "type", "file");
  set(element, "device", "disk");
  xml_node driver = element.append_child("driver");
  set(driver, "name", "samepage");
  set(driver, "type", "raw");
  set(element.append_child("source"), "file", disk.config.path);
  xml_node target = element.append_child("target");
  set(target, "dev", disk.target);
  set(target, "bus", "virtio");
  if (disk.config.access == DiskAccess::read_only) element.append_child("readonly");
  if (disk.config.access == DiskAccess::overlay) element.append_child("transient");
}

void add_net(xml_node devices, const vmm::NetConfig& net) {
  xml_node element = devices.append_child("interface");
  set(element, "type", "ethernet");
  if (net.mac) set(element.append_child("mac"), "address", vmm::to_text(*net.mac));
  xml_node target = element.append_child("target");
  set(target, "dev", net.tap);
  set(target, "managed", "no");
  set(element.append_child("model"), "type", "virtio");
}

void add_pmem(xml_node devices, const PmemDefinition& pmem) {
  xml_node element = devices.append_child("memory");
  set(element, "model", pmem.model);
  set(element, "access", pmem.config.access == PmemAccess::shared ? "shared" : "private");
  add_text(element.append_child("source"), "path", pmem.config.path);
  xml_node target = element.append_child("target");
  add_kib(target, "size", pmem.size_kib);
  if (pmem.config.access == PmemAccess::read_only) target.append_child("readonly");
  if (!pmem.config.address) return;
  xml_node address = element.append_child("address");
  set(address, "type", "dimm");
  set(address, "base", fmt::format("{:#x}", pmem.config.address->value));
}

void add_console(xml_node devices, const char* type, const char* port) {
  xml_node console = devices.append_child("console");
  set(console, "type", "pty");
  xml_node target = console.append_child("target");
  set(target, "type", type);
  set(target, "port", port);
}

void add_devices(xml_node root, const DomainDefinition& domain) {
  xml_node devices = root.append_child("devices");
  for (const DiskDefinition& disk : domain.disks) add_disk(devices, disk);
  for (const vmm::NetConfig& net : domain.nets) add_net(devices, net);
  xml_node serial = devices.append_child("serial");
  set(serial, "type", "pty");
  xml_node target = serial.append_child("target");
  set(target, "type", "isa-serial");
  set(target, "port", "0");
  add_console(devices, "serial", "0");
  if (domain.virtio_console) add_console(devices, "virtio", "1");
  xml_node balloon = devices.append_child("memballoon");
  set(balloon, "model", domain.balloon ? "virtio" : "none");
  if (domain.balloon) set(balloon, "freePageReporting", "on");
  if (domain.rng) {
    xml_node rng = devices.append_child("rng");
    set(rng, "model", "virtio");
    set(add_text(rng, "backend", "/dev/urandom"), "model", "random");
  }
  for (const PmemDefinition& pmem : domain.pmems) add_pmem(devices, pmem);
}

void add_own(xml_node root, const DomainDefinition& domain) {
  if (domain.merge.kind == DomainChoice::Kind::zero_only) {
    set(root.append_child("samepage:merge"), "mode", "zero-only");
  } else if (domain.merge.kind == DomainChoice::Kind::label && domain.merge.label != "default") {
    set(root.append_child("samepage:merge"), "domain", domain.merge.label);
  }
  if (domain.entry != EntryChoice::automatic) {
    add_text(root, "samepage:entry", domain.entry == EntryChoice::linux64 ? "linux64" : "compressed");
  }
  for (const vmm::RomConfig& rom : domain.roms) {
    xml_node element = root.append_child("samepage:rom");
    set(element, "file", rom.path);
    set(element, "address", fmt::format("{:#x}", rom.address.value));
  }
}

// A reader makes a newline of it; where it is, only text can be.
std::string with_carriage_returns_kept(const std::string& xml) {
  std::string kept;
  for (const char character : xml) {
    if (character == '\r') {
      kept += "&#13;";
    } else {
      kept += character;
    }
  }
  return kept;
}

}  // namespace

std::string domain_xml(const DomainDefinition& domain, int id) {
  pugi::xml_document document;
  xml_node root = document.append_child("domain");
  set(root, "type", domain.type);
  if (id >= 0) set(root, "id", std::to_string(id));
  if (needs_namespace(domain)) set(root, "xmlns:samepage", own_namespace);
  add_text(root, "name", domain.name);
  if (domain.uuid) add_text(root, "uuid", to_text(*domain.uuid));
  add_text_if_any(root, "title", domain.title);
  add_text_if_any(root, "description", domain.description);
  add_metadata(root, domain.metadata);
  add_kib(root, "memory", domain.memory_kib);
  add_kib(root, "currentMemory", domain.current_kib);
  if (domain.merge.kind == DomainChoice::Kind::none)
    root.append_child("memoryBacking").append_child("nosharepages");
  set(add_text(root, "vcpu", std::to_string(domain.vcpus)), "placement", "static");
  add_os(root, domain);
  for (const char* end : {"on_poweroff", "on_reboot", "on_crash"}) add_text(root, end, "destroy");
  add_devices(root, domain);
  add_own(root, domain);
  return with_carriage_returns_kept(text_of(document));
}

std::string kept_domain_xml(const DomainDefinition& domain) {
  std::string text = domain_xml(domain);
  if (text.size() <= longest_domain_xml) return text;
  throw wrong_xml(fmt::format("the definition of domain '{}' is {} bytes long; make it shorter than {}",
                              domain.name, text.size(), longest_domain_xml));
}

}  // namespace samepage::libvirt
