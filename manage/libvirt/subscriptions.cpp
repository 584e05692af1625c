// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/subscriptions.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>

#include "manage/libvirt/error.hpp"
#include "manage/libvirt/message.hpp"
#include "manage/libvirt/wire_values.hpp"

namespace samepage::libvirt {
namespace {

constexpr std::int32_t lifecycle_event = 318;
constexpr std::int32_t legacy_lifecycle_event = 107;

void require_known(std::int32_t event) {
  if (event != VIR_DOMAIN_EVENT_ID_LIFECYCLE) {
    throw unsupported(fmt::format("event {}; guests have lifecycle events (0) alone", event));
  }
}

Header header_of(std::int32_t procedure) {
  Header header;
  header.procedure = procedure;
  header.type = MessageType::message;
  return header;
}

}  // namespace

std::int32_t Subscriptions::add(std::int32_t event, const std::optional<DomainRef>& domain) {
  require_known(event);
  if (callbacks_.size() >= most) throw operation_failed("the connection has too many callbacks for events");
  callbacks_.emplace(next_, domain ? std::optional(domain->uuid) : std::nullopt);
  return next_++;
}

void Subscriptions::remove(std::int32_t callback) {
  if (callbacks_.erase(callback) == 0) {
    throw invalid_argument(fmt::format("domain event callback {} not registered", callback));
  }
}

void Subscriptions::add_legacy(std::int32_t event) {
  require_known(event);
  if (legacy_) throw invalid_argument(fmt::format("domain event {} already registered", event));
  legacy_ = true;
}

void Subscriptions::remove_legacy(std::int32_t event) {
  require_known(event);
  if (!legacy_) throw invalid_argument(fmt::format("domain event {} not registered", event));
  legacy_ = false;
}

void Subscriptions::clear() {
  callbacks_.clear();
  legacy_ = false;
}

std::vector<Bytes> Subscriptions::messages(const LifecycleEvent& event) const {
  std::vector<Bytes> messages;
  for (const auto& [callback, uuid] : callbacks_) {
    if (uuid && *uuid != event.domain.uuid) continue;
    XdrWriter payload = payload_writer();
    payload.i32(callback);
    put(payload, event.domain);
    payload.i32(event.event).i32(event.detail);
    messages.push_back(packed(header_of(lifecycle_event), std::move(payload)));
  }
  if (legacy_) {
    XdrWriter payload = payload_writer();
    put(payload, event.domain);
    payload.i32(event.event).i32(event.detail);
    messages.push_back(packed(header_of(legacy_lifecycle_event), std::move(payload)));
  }
  return messages;
}

}  // namespace samepage::libvirt
