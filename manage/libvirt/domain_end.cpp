// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/domain_end.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>

#include "manage/guests/guest_connection.hpp"

namespace samepage::libvirt {

EndInWords words_for(const vmm::GuestRecord::End& end) {
  const std::string said = end.reason.empty() ? "" : ": " + end.reason;
  if (end.how == "exited") {
    return {VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, VIR_DOMAIN_SHUTOFF_SHUTDOWN,
            fmt::format("the guest ended with code {}{}", end.exit_code, said)};
  }
  if (end.how == "stopped") {
    return {VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, VIR_DOMAIN_SHUTOFF_SHUTDOWN, "the guest was stopped" + said};
  }
  if (end.how == "failed") {
    return {VIR_DOMAIN_EVENT_STOPPED_CRASHED, VIR_DOMAIN_SHUTOFF_CRASHED, "the guest failed" + said};
  }
  const bool on_purpose = end.reason == guests::killed_by_command || end.reason == destroyed_by_client;
  if (end.how == "killed" && on_purpose) {
    return {VIR_DOMAIN_EVENT_STOPPED_DESTROYED, VIR_DOMAIN_SHUTOFF_DESTROYED, "the guest was killed" + said};
  }
  return {VIR_DOMAIN_EVENT_STOPPED_FAILED, VIR_DOMAIN_SHUTOFF_CRASHED,
          end.reason.empty() ? "the guest's process is gone" : end.reason};
}

}  // namespace samepage::libvirt
