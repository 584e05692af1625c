// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_config_bytes.hpp"

#include <array>
#include <optional>
#include <type_traits>
#include <vector>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/types.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

// The fields of each value, by name, once for both ways. Who adds a field to a value does not get past the
// compiler without adding it here: the bindings have to be all.
template <typename Visit>
void each_field(RomConfig& rom, Visit visit) {
  auto& [path, address] = rom;
  visit("path", path);
  visit("address", address);
}

template <typename Visit>
void each_field(FileAsItWas& file, Visit visit) {
  auto& [bytes, modified_ns] = file;
  visit("bytes", bytes);
  visit("modified_ns", modified_ns);
}

template <typename Visit>
void each_field(DiskConfig& disk, Visit visit) {
  auto& [path, access, expected] = disk;
  visit("path", path);
  visit("access", access);
  visit("expected", expected);
}

template <typename Visit>
void each_field(PmemConfig& pmem, Visit visit) {
  auto& [path, access, address, expected] = pmem;
  visit("path", path);
  visit("access", access);
  visit("address", address);
  visit("expected", expected);
}

template <typename Visit>
void each_field(NetConfig& net, Visit visit) {
  auto& [tap, mac] = net;
  visit("tap", tap);
  visit("mac", mac);
}

template <typename Visit>
void each_field(DeviceConfig& devices, Visit visit) {
  auto& [disks, pmems, nets, rng, balloon, console] = devices;
  visit("disks", disks);
  visit("pmems", pmems);
  visit("nets", nets);
  visit("rng", rng);
  visit("balloon", balloon);
  visit("console", console);
}

template <typename Visit>
void each_field(MachineConfig& machine, Visit visit) {
  auto& [image, command_line, memory_bytes, cpus, roms, devices, initrd, entry] = machine;
  visit("image", image);
  visit("command_line", command_line);
  visit("memory_bytes", memory_bytes);
  visit("cpus", cpus);
  visit("roms", roms);
  visit("devices", devices);
  visit("initrd", initrd);
  visit("entry", entry);
}

template <typename Visit>
void each_field(DomainChoice& domain, Visit visit) {
  auto& [kind, label] = domain;
  visit("kind", kind);
  visit("label", label);
}

template <typename Visit>
void each_field(GuestProcessConfig& guest, Visit visit) {
  auto& [name, numbered_as, first_number, image, machine, domain, joins_later, afterwards, console_content,
         starts, confine, note] = guest;
  visit("name", name);
  visit("numbered_as", numbered_as);
  visit("first_number", first_number);
  visit("image", image);
  visit("machine", machine);
  visit("domain", domain);
  visit("joins_later", joins_later);
  visit("afterwards", afterwards);
  visit("console_content", console_content);
  visit("starts", starts);
  visit("confine", confine);
  visit("note", note);
}

// What JSON has a value for.
template <typename Value>
constexpr bool is_plain =
    std::is_arithmetic_v<Value> || std::is_same_v<Value, std::string> || std::is_same_v<Value, MacAddress>;

// To JSON.
template <typename Value>
json written(Value& value);
template <typename Item>
json written(std::vector<Item>& items) {
  json list = json::array();
  for (Item& item : items) list.push_back(written(item));
  return list;
}
template <typename Item>
json written(std::optional<Item>& item) {
  return item ? written(*item) : json();
}
template <typename Value>
json written(Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return static_cast<std::underlying_type_t<Value>>(value);
  } else if constexpr (is_plain<Value>) {
    return value;
  } else if constexpr (std::is_same_v<Value, Gpa>) {
    return value.value;
  } else {
    json fields = json::object();
    each_field(value, [&](const char* name, auto& field) { fields[name] = written(field); });
    return fields;
  }
}

// And back.
template <typename Value>
void read(const json& from, Value& value);
template <typename Item>
void read(const json& from, std::vector<Item>& items) {
  for (const json& item : from) read(item, items.emplace_back());
}
template <typename Item>
void read(const json& from, std::optional<Item>& item) {
  if (!from.is_null()) read(from, item.emplace());
}
template <typename Value>
void read(const json& from, Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    value = static_cast<Value>(from.get<std::underlying_type_t<Value>>());
  } else if constexpr (is_plain<Value>) {
    value = from.get<Value>();
  } else if constexpr (std::is_same_v<Value, Gpa>) {
    value.value = from.get<std::uint64_t>();
  } else {
    each_field(value, [&](const char* name, auto& field) { read(from.at(name), field); });
  }
}

}  // namespace

std::string bytes_of(const GuestProcessConfig& config) {
  GuestProcessConfig copy = config;  // fields are visited for both ways
  std::string bytes;
  json::to_cbor(written(copy), bytes);
  return bytes;
}

GuestProcessConfig guest_config_of(const std::string& bytes) {
  try {
    GuestProcessConfig config;
    read(json::from_cbor(bytes), config);
    return config;
  } catch (const json::exception&) {
    throw UserError("these bytes are not the configuration of a guest, or another version's");
  }
}

}  // namespace samepage::vmm
