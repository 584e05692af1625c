// SPDX-License-Identifier: Apache-2.0
// The host and what guests can have, as libvirt's XML.
#include <fmt/format.h>
#include <libvirt/libvirt.h>

#include <pugixml.hpp>
#include <sstream>

#include "manage/libvirt/error.hpp"
#include "manage/libvirt/node.hpp"
#include "manage/libvirt/uuid.hpp"
#include "manage/libvirt/xml_text.hpp"

namespace samepage::libvirt {
namespace {

using pugi::xml_node;

constexpr unsigned most_cpus_of_a_guest = 255;

xml_node add(xml_node parent, const char* name, const std::string& text = {}) {
  xml_node element = parent.append_child(name);
  if (!text.empty()) element.append_child(pugi::node_pcdata).set_value(text.c_str());
  return element;
}

void add_enum(xml_node parent, const char* name, std::initializer_list<const char*> values) {
  xml_node list = add(parent, "enum");
  list.append_attribute("name") = name;
  for (const char* value : values) add(list, "value", value);
}

xml_node add_supported(xml_node parent, const char* name, bool supported) {
  xml_node element = add(parent, name);
  element.append_attribute("supported") = supported ? "yes" : "no";
  return element;
}

void add_topology(xml_node host, const NodeInfo& info) {
  xml_node cells = add(add(host, "topology"), "cells");
  cells.append_attribute("num") = 1;
  xml_node cell = add(cells, "cell");
  cell.append_attribute("id") = 0;
  add(cell, "memory", std::to_string(info.memory_kib)).append_attribute("unit") = "KiB";
  xml_node cpus = add(cell, "cpus");
  const CpuMap map = node_cpu_map();
  cpus.append_attribute("num") = map.online.size();
  for (std::size_t cpu = 0; cpu < map.online.size(); ++cpu) {
    add(cpus, "cpu").append_attribute("id") = static_cast<unsigned long long>(cpu);
  }
}

void require(const std::optional<std::string>& asked, std::initializer_list<std::string_view> ours,
             const char* what) {
  if (!asked) return;
  for (const std::string_view one : ours) {
    if (*asked == one) return;
  }
  throw invalid_argument(fmt::format("Samepage has no {} '{}'", what, *asked));
}

}  // namespace

unsigned most_vcpus(const std::optional<std::string>& type) {
  require(type, {"samepage", "kvm"}, "domain type");
  return most_cpus_of_a_guest;
}

std::string capabilities_xml() {
  const NodeInfo info = node_info();
  pugi::xml_document document;
  xml_node root = document.append_child("capabilities");
  xml_node host = add(root, "host");
  const std::optional<Uuid> uuid = parse_uuid(machine_id());
  add(host, "uuid", to_text(uuid.value_or(uuid_of_text(host_name()))));
  xml_node cpu = add(host, "cpu");
  add(cpu, "arch", info.model);
  xml_node topology = add(cpu, "topology");
  topology.append_attribute("sockets") = info.sockets;
  topology.append_attribute("dies") = 1;
  topology.append_attribute("cores") = info.cores;
  topology.append_attribute("threads") = info.threads;
  add_topology(host, info);
  xml_node guest = add(root, "guest");
  add(guest, "os_type", "hvm");
  xml_node arch = add(guest, "arch");
  arch.append_attribute("name") = "x86_64";
  add(arch, "wordsize", "64");
  add(arch, "domain").append_attribute("type") = "samepage";
  add(arch, "domain").append_attribute("type") = "kvm";
  return text_of(document);
}

std::string domain_capabilities_xml(const std::optional<std::string>& emulator,
                                    const std::optional<std::string>& architecture,
                                    const std::optional<std::string>& machine,
                                    const std::optional<std::string>& type) {
  require(emulator, {}, "emulator");
  require(architecture, {"x86_64"}, "architecture");
  require(machine, {"samepage"}, "machine");
  require(type, {"samepage", "kvm"}, "domain type");
  pugi::xml_document document;
  xml_node root = document.append_child("domainCapabilities");
  add(root, "path", "/usr/bin/samepage");
  add(root, "domain", type.value_or("samepage"));
  add(root, "machine", "samepage");
  add(root, "arch", "x86_64");
  add(root, "vcpu").append_attribute("max") = most_cpus_of_a_guest;
  add_supported(root, "os", true);
  xml_node cpu = add(root, "cpu");
  for (const char* mode : {"host-passthrough", "maximum", "host-model", "custom"}) {
    add_supported(cpu, "mode", std::string_view(mode) == "host-passthrough").append_attribute("name") = mode;
  }
  xml_node devices = add(root, "devices");
  xml_node disk = add_supported(devices, "disk", true);
  add_enum(disk, "diskDevice", {"disk"});
  add_enum(disk, "bus", {"virtio"});
  for (const char* lacking : {"graphics", "video", "hostdev"}) add_supported(devices, lacking, false);
  xml_node rng = add_supported(devices, "rng", true);
  add_enum(rng, "model", {"virtio"});
  add_enum(rng, "backendModel", {"random"});
  xml_node features = add(root, "features");
  for (const char* lacking : {"gic", "vmcoreinfo", "genid", "sev"}) add_supported(features, lacking, false);
  return text_of(document);
}

}  // namespace samepage::libvirt
