// SPDX-License-Identifier: Apache-2.0
// Which events one client wants, and the messages that tell it of one. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "manage/libvirt/domains.hpp"
#include "manage/libvirt/xdr.hpp"

namespace samepage::libvirt {

class Subscriptions {
 public:
  static constexpr std::size_t most = 64;

  /// Of one domain, or of all. Returns the number that the client knows it by. Throws Error for events that
  /// we don't have.
  std::int32_t add(std::int32_t event, const std::optional<DomainRef>& domain);
  void remove(std::int32_t callback);
  /// The older form: one for each kind of event, of all domains.
  void add_legacy(std::int32_t event);
  void remove_legacy(std::int32_t event);
  void clear();

  /// One message for each that the event is for.
  [[nodiscard]] std::vector<Bytes> messages(const LifecycleEvent& event) const;

 private:
  std::map<std::int32_t, std::optional<Uuid>> callbacks_;
  std::int32_t next_ = 0;
  bool legacy_ = false;
};

}  // namespace samepage::libvirt
