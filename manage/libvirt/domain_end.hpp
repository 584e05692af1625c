// SPDX-License-Identifier: Apache-2.0
// How a guest ended, in libvirt's words. Pure.
#pragma once

#include <string>

#include "vmm/control/guest_record.hpp"

namespace samepage::libvirt {

/// What we write into the record of a guest that was killed on purpose.
inline constexpr const char* destroyed_by_client = "destroyed by a client of libvirt";

struct EndInWords {
  int detail = 0;       // virDomainEventStoppedDetailType
  int reason = 0;       // virDomainShutoffReason
  std::string message;  // for people; empty: there is nothing to say
};

[[nodiscard]] EndInWords words_for(const vmm::GuestRecord::End& end);

}  // namespace samepage::libvirt
