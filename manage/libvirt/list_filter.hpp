// SPDX-License-Identifier: Apache-2.0
// virConnectListAllDomainsFlags: they come in groups, and a domain must be of one of the kinds that are asked
// for in each group. A group of which none is asked for does not matter. Pure.
#pragma once

#include <libvirt/libvirt.h>

#include <array>

namespace samepage::libvirt {

inline constexpr std::array<unsigned, 7> list_flag_groups{
    VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_INACTIVE,
    VIR_CONNECT_LIST_DOMAINS_PERSISTENT | VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
    VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED | VIR_CONNECT_LIST_DOMAINS_SHUTOFF |
        VIR_CONNECT_LIST_DOMAINS_OTHER,
    VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE | VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE,
    VIR_CONNECT_LIST_DOMAINS_AUTOSTART | VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,
    VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT | VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT,
    VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT | VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT};

/// `domain` has one flag of each group.
[[nodiscard]] constexpr bool passes_filter(unsigned domain, unsigned asked) {
  for (const unsigned group : list_flag_groups) {
    if ((asked & group) != 0 && (asked & group & domain) == 0) return false;
  }
  return true;
}

}  // namespace samepage::libvirt
