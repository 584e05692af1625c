// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/wire_values.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {
namespace {

static_assert(VIR_TYPED_PARAM_INT == 1 && VIR_TYPED_PARAM_UINT == 2 && VIR_TYPED_PARAM_LLONG == 3 &&
                  VIR_TYPED_PARAM_ULLONG == 4 && VIR_TYPED_PARAM_DOUBLE == 5 &&
                  VIR_TYPED_PARAM_BOOLEAN == 6 && VIR_TYPED_PARAM_STRING == 7,
              "the alternatives of Value are in this order");

Value take_value(XdrReader& in) {
  switch (const std::uint32_t type = in.u32()) {
    case VIR_TYPED_PARAM_INT:
      return in.i32();
    case VIR_TYPED_PARAM_UINT:
      return in.u32();
    case VIR_TYPED_PARAM_LLONG:
      return in.i64();
    case VIR_TYPED_PARAM_ULLONG:
      return in.u64();
    case VIR_TYPED_PARAM_DOUBLE:
      return in.f64();
    case VIR_TYPED_PARAM_BOOLEAN:
      return in.boolean();
    case VIR_TYPED_PARAM_STRING:
      return in.text();
    default:
      throw Error(VIR_ERR_RPC, fmt::format("unknown parameter type: {}", type), VIR_FROM_RPC);
  }
}

}  // namespace

void put(XdrWriter& out, const DomainRef& domain) {
  out.text(domain.name).fixed(std::as_bytes(std::span(domain.uuid))).i32(domain.id);
}

void put(XdrWriter& out, const TypedParameter& parameter) {
  if (parameter.field.size() > max_field) throw internal("too long a name of a value: " + parameter.field);
  out.text(parameter.field).count(parameter.value.index() + 1);
  std::visit(
      [&out](const auto& value) {
        using Held = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Held, std::int32_t>) {
          out.i32(value);
        } else if constexpr (std::is_same_v<Held, std::uint32_t>) {
          out.u32(value);
        } else if constexpr (std::is_same_v<Held, std::int64_t>) {
          out.i64(value);
        } else if constexpr (std::is_same_v<Held, std::uint64_t>) {
          out.u64(value);
        } else if constexpr (std::is_same_v<Held, double>) {
          out.f64(value);
        } else if constexpr (std::is_same_v<Held, bool>) {
          out.boolean(value);
        } else {
          static_assert(std::is_same_v<Held, std::string>);
          out.text(value);
        }
      },
      parameter.value);
}

void put(XdrWriter& out, std::span<const TypedParameter> parameters) {
  out.count(parameters.size());
  for (const TypedParameter& parameter : parameters) put(out, parameter);
}

Bytes bits_of(const CpuMap& map, std::size_t bytes) {
  Bytes bits(bytes);
  const std::size_t cpus = std::min(map.online.size(), bytes * 8);
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
    if (map.online[cpu]) bits[cpu / 8] |= std::byte{1} << (cpu % 8);
  }
  return bits;
}

Bytes bits_of(const CpuMap& map) {
  return bits_of(map, std::min((map.online.size() + 7) / 8, max_cpu_map));
}

void put_characters(XdrWriter& out, const std::string& text, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out.i32(i < text.size() ? text[i] : 0);
}

Uuid take_uuid(XdrReader& in) {
  Uuid uuid{};
  const std::span<const std::byte> bytes = in.fixed(uuid.size());
  std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(uuid)).begin());
  return uuid;
}

DomainRef take_domain(XdrReader& in) {
  DomainRef domain;
  domain.name = in.text();
  domain.uuid = take_uuid(in);
  domain.id = in.i32();
  return domain;
}

std::vector<DomainRef> take_domains(XdrReader& in) {
  std::vector<DomainRef> domains(in.count(max_domains, 4 + sizeof(Uuid) + 4));
  for (DomainRef& domain : domains) domain = take_domain(in);
  return domains;
}

std::vector<TypedParameter> take_parameters(XdrReader& in, std::uint32_t most) {
  std::vector<TypedParameter> parameters(in.count(most, 4 + 4 + 4));
  for (TypedParameter& parameter : parameters) {
    parameter.field = in.text(max_field);
    parameter.value = take_value(in);
  }
  return parameters;
}

}  // namespace samepage::libvirt
