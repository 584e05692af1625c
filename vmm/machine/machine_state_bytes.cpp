// SPDX-License-Identifier: Apache-2.0
// A table of fields for each struct of a state, and what is true of all of them.
// Long because there are that many structs.
#include "vmm/machine/machine_state_bytes.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.hpp"
#include "base/json.hpp"
#include "vmm/machine/machine_state_fields.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(std::string_view why) {
  throw UserError(fmt::format("cannot read the machine's state: {}", why));
}

// --- The frame
// ----------------------------------------------------------------------------------------------
struct Frame {
  std::array<char, 8> magic{'S', 'M', 'P', 'G', 'S', 'T', 'A', 'T'};
  std::uint32_t version = machine_state_version;
  std::uint32_t reserved = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Frame) == 32);

std::uint64_t checksum_of(const Frame& frame, std::string_view content) {
  const std::uint64_t head = XXH3_64bits(&frame, offsetof(Frame, checksum));
  return XXH3_64bits_withSeed(content.data(), content.size(), head);
}

std::string_view content_of(std::string_view bytes) {
  Frame frame;
  if (bytes.size() < sizeof(frame) ||
      bytes.substr(0, frame.magic.size()) != std::string_view(frame.magic.data(), 8)) {
    refuse("this is not a state of a samepage machine");
  }
  std::memcpy(&frame, bytes.data(), sizeof(frame));
  const std::string_view content = bytes.substr(sizeof(frame));
  if (frame.version != machine_state_version) {
    refuse(
        fmt::format("it is of version {} and this samepage reads version {}; use the samepage that wrote it",
                    frame.version, machine_state_version));
  }
  if (content.size() < frame.bytes) refuse("it has been cut short");
  if (content.size() > frame.bytes) refuse("there is something behind its end");
  if (frame.reserved != 0 || checksum_of(frame, content) != frame.checksum) {
    refuse("it is damaged: its checksum is wrong");
  }
  return content;
}

// --- To CBOR
// ------------------------------------------------------------------------------------------------
json binary(const void* bytes, std::size_t count) {
  const auto* first = static_cast<const std::uint8_t*>(bytes);
  return json::binary({first, first + count});
}

json written(bool& value) {
  return value;
}
template <std::unsigned_integral Number>
json written(Number& value) {
  return value;
}
json written(Gpa& address) {
  return address.value;
}
json written(std::string& bytes) {
  return binary(bytes.data(), bytes.size());
}
json written(std::vector<std::uint8_t>& bytes) {
  return binary(bytes.data(), bytes.size());
}
template <typename Kernel>
json written(KernelValue<Kernel>& value) {
  return binary(static_cast<Kernel*>(&value), sizeof(Kernel));
}
json written(DeviceState& device);
template <typename Item>
json written(std::optional<Item>& item);
template <typename Item>
json written(std::vector<Item>& items);
template <typename Item, std::size_t count>
json written(std::array<Item, count>& items);
template <typename Value>
json written(Value& value) {
  json fields = json::object();
  each_field(value, [&](const char* name, auto& field) { fields[name] = written(field); });
  return fields;
}
template <typename Items>
json list(Items& items) {
  json list = json::array();
  for (auto& item : items) list.push_back(written(item));
  return list;
}
template <typename Item>
json written(std::vector<Item>& items) {
  return list(items);
}
template <typename Item, std::size_t count>
json written(std::array<Item, count>& items) {
  return list(items);
}
template <typename Item>
json written(std::optional<Item>& item) {
  return item ? written(*item) : json();
}
json written(DeviceState& device) {
  json fields = std::visit([](auto& state) { return written(state); }, device);
  return {{device_kinds.at(device.index()), std::move(fields)}};
}

// --- And back: nothing is taken that bytes_of() does not write
// ----------------------------------------------
[[noreturn]] void refuse_field(const std::string& path, std::string_view why) {
  refuse(fmt::format("its field {} {}", path.empty() ? "of all" : path, why));
}

void read(const json& from, bool& value, const std::string& path) {
  if (!from.is_boolean()) refuse_field(path, "is not true or false");
  value = from.get<bool>();
}
template <std::unsigned_integral Number>
void read(const json& from, Number& value, const std::string& path) {
  if (!from.is_number_unsigned() || from.get<std::uint64_t>() > std::numeric_limits<Number>::max()) {
    refuse_field(path, fmt::format("is not a number of {} bits", std::numeric_limits<Number>::digits));
  }
  value = from.get<Number>();
}
void read(const json& from, Gpa& address, const std::string& path) {
  read(from, address.value, path);
}
const std::vector<std::uint8_t>& bytes_in(const json& from, const std::string& path) {
  if (!from.is_binary()) refuse_field(path, "is not a string of bytes");
  return from.get_binary();
}
void read(const json& from, std::string& bytes, const std::string& path) {
  const std::vector<std::uint8_t>& read = bytes_in(from, path);
  bytes.assign(read.begin(), read.end());
}
void read(const json& from, std::vector<std::uint8_t>& bytes, const std::string& path) {
  bytes = bytes_in(from, path);
}
template <typename Kernel>
void read(const json& from, KernelValue<Kernel>& value, const std::string& path) {
  const std::vector<std::uint8_t>& bytes = bytes_in(from, path);
  if (bytes.size() != sizeof(Kernel)) refuse_field(path, fmt::format("is not of {} bytes", sizeof(Kernel)));
  std::memcpy(static_cast<Kernel*>(&value), bytes.data(), sizeof(Kernel));
}
void read(const json& from, DeviceState& device, const std::string& path);
template <typename Item>
void read(const json& from, std::optional<Item>& item, const std::string& path);
template <typename Item>
void read(const json& from, std::vector<Item>& items, const std::string& path);
template <typename Item, std::size_t count>
void read(const json& from, std::array<Item, count>& items, const std::string& path);
template <typename Value>
void read(const json& from, Value& value, const std::string& path) {
  if (!from.is_object()) refuse_field(path, "has no fields");
  std::size_t fields = 0;
  each_field(value, [&](const char* name, auto& field) {
    const std::string inner = path.empty() ? name : path + "." + name;
    const auto found = from.find(name);
    if (found == from.end()) refuse_field(inner, "is missing");
    read(*found, field, inner);
    ++fields;
  });
  if (fields != from.size()) refuse_field(path, "has a field that there is not");
}
std::string item_path(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}
template <typename Item>
void read(const json& from, std::vector<Item>& items, const std::string& path) {
  if (!from.is_array()) refuse_field(path, "is not a list");
  for (std::size_t i = 0; i < from.size(); ++i) read(from[i], items.emplace_back(), item_path(path, i));
}
template <typename Item, std::size_t count>
void read(const json& from, std::array<Item, count>& items, const std::string& path) {
  if (!from.is_array() || from.size() != count) refuse_field(path, fmt::format("is not a list of {}", count));
  for (std::size_t i = 0; i < count; ++i) read(from[i], items.at(i), item_path(path, i));
}
template <typename Item>
void read(const json& from, std::optional<Item>& item, const std::string& path) {
  if (!from.is_null()) read(from, item.emplace(), path);
}
template <std::size_t index>
void read_kind(const json& from, const std::string& kind, DeviceState& device, const std::string& path) {
  if (kind == device_kinds.at(index)) read(from, device.emplace<index>(), path + "." + kind);
}
void read(const json& from, DeviceState& device, const std::string& path) {
  if (!from.is_object() || from.size() != 1) refuse_field(path, "is not of one kind");
  const std::string& kind = from.begin().key();
  if (std::find(device_kinds.begin(), device_kinds.end(), kind) == device_kinds.end())
    refuse_field(path, "is of an unknown kind");
  [&]<std::size_t... index>(std::index_sequence<index...>) {
    (read_kind<index>(*from.begin(), kind, device, path), ...);
  }
  (std::make_index_sequence<device_kinds.size()>());
}

/// Parsing recurses: what is nested deeper than any state is refused before it fills the stack.
class Shallow final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return ++depth_ <= deepest; }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t /*elements*/) override { return ++depth_ <= deepest; }
  bool end_array() override { return --depth_, true; }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  static constexpr unsigned deepest = 16;
  unsigned depth_ = 0;
};

json parsed(std::string_view content) {
  Shallow shallow;
  if (!json::sax_parse(content, &shallow, json::input_format_t::cbor)) refuse("its content is not CBOR");
  return json::from_cbor(content);
}

}  // namespace

std::string framed_state(std::string_view content) {
  Frame frame;
  frame.bytes = content.size();
  frame.checksum = checksum_of(frame, content);
  std::string bytes(sizeof(frame), '\0');
  std::memcpy(bytes.data(), &frame, sizeof(frame));
  return bytes.append(content);
}

std::string bytes_of(const MachineState& state) {
  MachineState copy = state;  // fields are visited for both ways
  std::string content;
  json::to_cbor(written(copy), content);
  return framed_state(content);
}

MachineState machine_state_of(std::string_view bytes) {
  const std::string_view content = content_of(bytes);
  try {
    MachineState state;
    read(parsed(content), state, "");
    return state;
  } catch (const json::exception&) {
    refuse("its content is not CBOR");
  }
}

}  // namespace samepage::vmm
