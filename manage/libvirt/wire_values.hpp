// SPDX-License-Identifier: Apache-2.0
// Values that many messages have: domains, named values, maps of CPUs. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/node.hpp"
#include "manage/libvirt/typed_parameter.hpp"
#include "manage/libvirt/xdr.hpp"

namespace samepage::libvirt {

// What clients take, at most.
inline constexpr std::size_t max_domains = 16384;
inline constexpr std::size_t max_stats_of_a_domain = 262144;
inline constexpr std::size_t max_node_memory_parameters = 64;
inline constexpr std::size_t max_node_figures = 16;
inline constexpr std::size_t max_block_parameters = 16;
inline constexpr std::size_t max_cpu_map = 2048;
inline constexpr std::size_t max_field = 79;  // bytes of a named value's name

void put(XdrWriter& out, const DomainRef& domain);
void put(XdrWriter& out, const TypedParameter& parameter);
void put(XdrWriter& out, std::span<const TypedParameter> parameters);
/// Those that are online, a bit each, the lowest first.
[[nodiscard]] Bytes bits_of(const CpuMap& map, std::size_t bytes);
/// With as many bytes as it takes.
[[nodiscard]] Bytes bits_of(const CpuMap& map);
/// A list of characters as the protocol has it: each takes four bytes. Cut off or filled up to `size`.
void put_characters(XdrWriter& out, const std::string& text, std::size_t size);

[[nodiscard]] DomainRef take_domain(XdrReader& in);
[[nodiscard]] std::vector<DomainRef> take_domains(XdrReader& in);
[[nodiscard]] std::vector<TypedParameter> take_parameters(XdrReader& in, std::uint32_t most);
[[nodiscard]] Uuid take_uuid(XdrReader& in);

}  // namespace samepage::libvirt
