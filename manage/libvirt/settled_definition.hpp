// SPDX-License-Identifier: Apache-2.0
// What a definition leaves open is decided when it is taken, so that each life of the domain is the same.
#pragma once

#include "manage/libvirt/domain_definition.hpp"

namespace samepage::libvirt {

/// With a UUID, a MAC address for each interface, and its kernel's path. Throws a libvirt::Error for an image
/// that is not there and for persistent memory of another size than its file has.
[[nodiscard]] DomainDefinition settled(DomainDefinition definition);
/// The sizes of persistent memory's files, where they are not known.
void fill_in_sizes(DomainDefinition& definition);

}  // namespace samepage::libvirt
