// SPDX-License-Identifier: Apache-2.0
// From XML to a definition, element by element. Long because each element is a few lines, there are many, and
// all share the same way to refuse what nobody took.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/types.hpp"
#include "dedup/domain_label.hpp"
#include "manage/libvirt/domain_metadata.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "manage/libvirt/error.hpp"
#include "manage/libvirt/xml_element.hpp"
#include "vmm/control/guest_name.hpp"
#include "vmm/devices/virtio/mac_address.hpp"

namespace samepage::libvirt {
namespace {

using vmm::DiskAccess;
using vmm::DomainChoice;
using vmm::EntryChoice;
using vmm::PmemAccess;

constexpr std::uint64_t most_vcpus = 255;

std::string absolute_path(const std::string& path, const XmlElement& where) {
  if (!path.starts_with('/')) {
    throw wrong_xml(fmt::format("{}: '{}' is not an absolute path", where.name(), path));
  }
  return path;
}

std::optional<std::string> path_in(XmlElement& element, const char* name) {
  std::optional<std::string> path = element.text_of(name);
  if (path) *path = absolute_path(*path, element);
  return path;
}

// Our prefix as the text has it, for it may be any.
std::string own_prefix(pugi::xml_node root) {
  constexpr std::string_view declaration = "xmlns:";
  for (const pugi::xml_attribute attribute : root.attributes()) {
    const std::string_view name = attribute.name();
    if (name.starts_with(declaration) && std::string_view(attribute.value()) == own_namespace) {
      return std::string(name.substr(declaration.size())) + ":";
    }
  }
  return {};
}

void read_os(XmlElement os, DomainDefinition& domain) {
  XmlElement type = os.needed_child("type");
  type.one_of("arch", {"x86_64"});
  type.one_of("machine", {"samepage"});
  if (const std::string text = type.text(); text != "hvm") {
    throw unsupported_config(fmt::format("<type>{}: Samepage has only hvm", text));
  }
  type.done();
  std::optional<std::string> kernel = os.text_of("kernel");
  if (!kernel || kernel->empty()) {
    throw wrong_xml("<os> needs a <kernel>: Samepage has no firmware that could boot from a disk");
  }
  domain.kernel = std::move(*kernel);  // a path, or the name of an image
  domain.initrd = path_in(os, "initrd").value_or("");
  domain.command_line = os.text_of("cmdline").value_or("");
  os.done();
}

// What all guests have; to have less is not to be had.
void read_surroundings(XmlElement& root) {
  if (std::optional<XmlElement> features = root.child("features")) {
    static_cast<void>(features->flag("acpi"));
    static_cast<void>(features->flag("apic"));
    features->done();
  }
  if (std::optional<XmlElement> clock = root.child("clock")) {
    clock->one_of("offset", {"utc"});
    clock->done();
  }
  if (std::optional<XmlElement> cpu = root.child("cpu")) {
    cpu->one_of("mode", {"host-passthrough"});
    cpu->one_of("check", {"none"});
    cpu->one_of("migratable", {"off"});
    cpu->done();
  }
  for (const char* end : {"on_poweroff", "on_reboot", "on_crash"}) {
    const std::optional<std::string> action = root.text_of(end);
    if (!action || *action == "destroy") continue;
    throw unsupported_config(
        fmt::format("<{}>{}: a guest of Samepage that does that is gone; use destroy", end, *action));
  }
}

void read_vcpus(XmlElement vcpu, DomainDefinition& domain) {
  vcpu.one_of("placement", {"static"});
  const std::optional<std::string> current = vcpu.attribute("current");
  const std::string text = vcpu.text();
  const std::uint64_t count = whole_number(text, "<vcpu>");
  if (count == 0 || count > most_vcpus)
    throw wrong_xml(fmt::format("<vcpu>: {} is not 1 to {}", count, most_vcpus));
  if (current && whole_number(*current, "<vcpu> current") != count) {
    throw unsupported_config("<vcpu> current: Samepage starts all vCPUs at once");
  }
  vcpu.done();
  domain.vcpus = static_cast<unsigned>(count);
}

void read_memory(XmlElement& root, DomainDefinition& domain) {
  XmlElement memory = root.needed_child("memory");
  domain.memory_kib = size_in_kib(memory);
  memory.done();
  if (domain.memory_kib == 0 || domain.memory_kib % (page_size / 1024) != 0 ||
      domain.memory_kib > ~std::uint64_t{0} / 1024) {
    throw wrong_xml(fmt::format("<memory>: {} KiB is not a multiple of 4 KiB", domain.memory_kib));
  }
  domain.current_kib = domain.memory_kib;
  if (std::optional<XmlElement> current = root.child("currentMemory")) {
    domain.current_kib = size_in_kib(*current);
    current->done();
  }
  if (domain.current_kib == 0 || domain.current_kib > domain.memory_kib) {
    throw wrong_xml(
        fmt::format("<currentMemory>: {} KiB is not 1 to {} KiB", domain.current_kib, domain.memory_kib));
  }
}

// Whom it shares with: what libvirt has a word for, and what is ours.
void read_merging(XmlElement& root, const std::string& own, DomainDefinition& domain) {
  bool kept_out = false;
  if (std::optional<XmlElement> backing = root.child("memoryBacking")) {
    kept_out = backing->flag("nosharepages");
    backing->done();
  }
  if (kept_out) domain.merge = {DomainChoice::Kind::none, ""};
  if (own.empty()) return;
  std::optional<XmlElement> merge = root.child((own + "merge").c_str());
  if (!merge) return;
  const std::optional<std::string> label = merge->attribute("domain");
  const std::string mode = merge->one_of("mode", {"zero-only"});
  merge->done();
  if (kept_out || (label && !mode.empty())) {
    throw wrong_xml("a domain shares in one way: <nosharepages>, or a domain or a mode of <samepage:merge>");
  }
  if (!mode.empty()) domain.merge = {DomainChoice::Kind::zero_only, "default"};
  if (!label) return;
  if (!dedup::may_be_chosen(*label))
    throw wrong_xml(fmt::format("<samepage:merge> domain='{}': {}", *label, dedup::what_labels_are()));
  domain.merge = {DomainChoice::Kind::label, *label};
}

void read_boot(XmlElement& root, const std::string& own, DomainDefinition& domain) {
  if (own.empty()) return;
  if (const std::optional<std::string> entry = root.text_of((own + "entry").c_str())) {
    if (*entry == "linux64") {
      domain.entry = EntryChoice::linux64;
    } else if (*entry == "compressed") {
      domain.entry = EntryChoice::compressed;
    } else if (*entry != "auto") {
      throw wrong_xml(fmt::format("<samepage:entry>{}: use auto, linux64 or compressed", *entry));
    }
  }
  for (XmlElement& rom : root.children((own + "rom").c_str())) {
    const Gpa address{address_number(rom.needed_attribute("address"), "<samepage:rom> address")};
    if (!is_page_aligned(address.value)) {
      throw wrong_xml(fmt::format("<samepage:rom>: {:#x} is not a multiple of 4096", address.value));
    }
    domain.roms.push_back({absolute_path(rom.needed_attribute("file"), rom), address});
    rom.done();
  }
}

DiskDefinition disk_of(XmlElement disk) {
  DiskDefinition read;
  disk.one_of("type", {"file"});
  disk.one_of("device", {"disk"});
  if (std::optional<XmlElement> driver = disk.child("driver")) {
    driver->one_of("name", {"samepage", "qemu"});
    driver->one_of("type", {"raw"});
    driver->done();
  }
  XmlElement source = disk.needed_child("source");
  read.config.path = absolute_path(source.needed_attribute("file"), source);
  source.done();
  XmlElement target = disk.needed_child("target");
  read.target = target.needed_attribute("dev");
  target.one_of("bus", {"virtio"});
  target.done();
  const bool letters = read.target.size() > 2 && read.target.size() < 8 && read.target.starts_with("vd") &&
                       read.target.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
  if (!letters) {
    throw unsupported_config(
        fmt::format("<target> dev='{}': disks of Samepage are vda, vdb, ...", read.target));
  }
  const bool read_only = disk.flag("readonly");
  const bool transient = disk.flag("transient");
  if (read_only && transient) throw wrong_xml("a <disk> can't be <readonly> and <transient>");
  read.config.access = read_only   ? DiskAccess::read_only
                       : transient ? DiskAccess::overlay
                                   : DiskAccess::read_write;
  disk.done();
  return read;
}

vmm::NetConfig net_of(XmlElement interface) {
  vmm::NetConfig net;
  interface.one_of("type", {"ethernet"});
  if (std::optional<XmlElement> mac = interface.child("mac")) {
    const std::string address = mac->needed_attribute("address");
    mac->done();
    net.mac = vmm::parse_mac(address);
    if (!net.mac)
      throw wrong_xml(fmt::format("<mac> address='{}' is not the address of one interface", address));
  }
  XmlElement target = interface.needed_child("target");
  net.tap = target.needed_attribute("dev");
  target.one_of("managed", {"no"});
  target.done();
  if (std::optional<XmlElement> model = interface.child("model")) {
    model->one_of("type", {"virtio"});
    model->done();
  }
  interface.done();
  return net;
}

PmemDefinition pmem_of(XmlElement memory) {
  PmemDefinition pmem;
  pmem.model = memory.one_of("model", {"virtio-pmem", "nvdimm"});
  if (pmem.model.empty()) throw wrong_xml("<memory> in <devices> needs an attribute 'model'");
  const bool shared = memory.one_of("access", {"shared", "private"}) == "shared";
  XmlElement source = memory.needed_child("source");
  std::optional<std::string> path = path_in(source, "path");
  if (!path) throw wrong_xml("<source> of persistent memory needs a <path>");
  pmem.config.path = std::move(*path);
  source.done();
  XmlElement target = memory.needed_child("target");
  XmlElement size = target.needed_child("size");
  pmem.size_kib = size_in_kib(size);
  size.done();
  const bool read_only = target.flag("readonly");
  target.done();
  if (read_only && shared) throw wrong_xml("persistent memory can't be 'shared' and <readonly>");
  pmem.config.access = read_only ? PmemAccess::read_only : shared ? PmemAccess::shared : PmemAccess::copied;
  if (std::optional<XmlElement> address = memory.child("address")) {
    address->one_of("type", {"dimm"});
    pmem.config.address = Gpa{address_number(address->needed_attribute("base"), "<address> base")};
    address->done();
  }
  memory.done();
  return pmem;
}

bool reads_random_numbers(XmlElement& devices) {
  std::optional<XmlElement> rng = devices.child("rng");
  if (!rng) return false;
  rng->one_of("model", {"virtio"});
  XmlElement backend = rng->needed_child("backend");
  backend.one_of("model", {"random"});
  const std::string source = backend.text();
  if (!source.empty() && source != "/dev/urandom" && source != "/dev/random") {
    throw unsupported_config(
        fmt::format("<backend>{}: Samepage takes the host's own random numbers", source));
  }
  backend.done();
  rng->done();
  return true;
}

// As with libvirt, a domain has a balloon unless it says that it wants none.
bool has_balloon(XmlElement& devices) {
  std::optional<XmlElement> balloon = devices.child("memballoon");
  if (!balloon) return true;
  const std::string model = balloon->one_of("model", {"virtio", "none"});
  balloon->one_of("freePageReporting", {"on"});
  balloon->done();
  return model != "none";
}

// The serial console is there in any case. Returns whether there is a virtio console too.
bool read_consoles(XmlElement& devices) {
  if (std::optional<XmlElement> serial = devices.child("serial")) {
    serial->one_of("type", {"pty"});
    if (std::optional<XmlElement> target = serial->child("target")) {
      target->one_of("type", {"isa-serial"});
      target->one_of("port", {"0"});
      if (std::optional<XmlElement> model = target->child("model")) {
        model->one_of("name", {"isa-serial"});
        model->done();
      }
      target->done();
    }
    serial->done();
  }
  unsigned serial_consoles = 0;
  unsigned virtio_consoles = 0;
  for (XmlElement& console : devices.children("console")) {
    console.one_of("type", {"pty"});
    std::string type = "serial";
    if (std::optional<XmlElement> target = console.child("target")) {
      if (const std::string said = target->one_of("type", {"serial", "virtio"}); !said.empty()) type = said;
      target->one_of("port", {"0", "1"});
      target->done();
    }
    console.done();
    ++(type == "serial" ? serial_consoles : virtio_consoles);
  }
  if (serial_consoles > 1 || virtio_consoles > 1) {
    throw unsupported_config("<console>: Samepage has one serial and one virtio console");
  }
  return virtio_consoles > 0;
}

void read_devices(XmlElement devices, DomainDefinition& domain) {
  for (XmlElement& disk : devices.children("disk")) {
    domain.disks.push_back(disk_of(std::move(disk)));
    const std::string& target = domain.disks.back().target;
    const auto same = [&](const DiskDefinition& one) { return one.target == target; };
    if (std::count_if(domain.disks.begin(), domain.disks.end(), same) > 1) {
      throw wrong_xml(fmt::format("two disks have the <target> '{}'", target));
    }
  }
  for (XmlElement& interface : devices.children("interface"))
    domain.nets.push_back(net_of(std::move(interface)));
  for (XmlElement& memory : devices.children("memory")) domain.pmems.push_back(pmem_of(std::move(memory)));
  domain.rng = reads_random_numbers(devices);
  domain.balloon = has_balloon(devices);
  domain.virtio_console = read_consoles(devices);
  devices.done();
}

}  // namespace

DomainDefinition read_domain(std::string_view xml) {
  const std::unique_ptr<pugi::xml_document> document = parse_xml(xml);
  const pugi::xml_node top = document->first_child();
  XmlElement root(top);
  if (root.name() != "<domain>") throw wrong_xml(fmt::format("this is {} and not <domain>", root.name()));
  DomainDefinition domain;
  const std::string own = own_prefix(top);
  static_cast<void>(root.attribute("id"));  // of a domain that ran: the next life has its own
  static_cast<void>(root.needed_attribute("type"));
  domain.type = root.one_of("type", {"samepage", "kvm"});
  domain.name = root.text_of("name").value_or("");
  if (domain.name.empty()) throw wrong_xml("<domain> needs a <name>");
  if (!vmm::is_guest_name(domain.name)) throw wrong_xml(vmm::not_a_guest_name(domain.name));
  if (const std::optional<std::string> uuid = root.text_of("uuid")) {
    domain.uuid = parse_uuid(*uuid);
    if (!domain.uuid) throw wrong_xml(fmt::format("<uuid>: '{}' is not a UUID", *uuid));
  }
  domain.title = root.text_of("title").value_or("");
  if (domain.title.find('\n') != std::string::npos) throw wrong_xml("<title> has more than one line");
  domain.description = root.text_of("description").value_or("");
  if (std::optional<XmlElement> metadata = root.child("metadata")) {
    domain.metadata = metadata_of(metadata->whole(), own);
  }
  read_memory(root, domain);
  if (std::optional<XmlElement> vcpu = root.child("vcpu")) read_vcpus(std::move(*vcpu), domain);
  read_os(root.needed_child("os"), domain);
  read_surroundings(root);
  read_merging(root, own, domain);
  read_boot(root, own, domain);
  if (std::optional<XmlElement> devices = root.child("devices")) read_devices(std::move(*devices), domain);
  root.done();
  if (domain.current_kib < domain.memory_kib && !domain.balloon) {
    throw unsupported_config("<currentMemory> below <memory> needs a <memballoon>");
  }
  return domain;
}

}  // namespace samepage::libvirt
