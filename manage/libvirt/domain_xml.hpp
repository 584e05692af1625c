// SPDX-License-Identifier: Apache-2.0
// Domains as libvirt's XML. docs/libvirt.md has the table: which element means what, and which are refused.
// What we don't have is refused by its name, never passed over. What comes out defines the same domain. Pure.
#pragma once

#include <string>
#include <string_view>

#include "manage/libvirt/domain_definition.hpp"

namespace samepage::libvirt {

/// The namespace of our own elements.
inline constexpr const char* own_namespace = "https://samepage.dev/libvirt/1";

/// Throws a libvirt::Error: malformed_xml(), wrong_xml() or unsupported_config().
[[nodiscard]] DomainDefinition read_domain(std::string_view xml);

/// `id`: that of a domain that runs; -1: it does not.
[[nodiscard]] std::string domain_xml(const DomainDefinition& definition, int id = -1);

/// The XML of a definition, at most this long; else a client could not take it, nor could it be read again.
/// Throws a libvirt::Error.
inline constexpr std::size_t longest_domain_xml = std::size_t{4'000'000};
[[nodiscard]] std::string kept_domain_xml(const DomainDefinition& domain);

}  // namespace samepage::libvirt
