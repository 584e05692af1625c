// SPDX-License-Identifier: Apache-2.0
// Messages that wait until the client reads them. Pure: the session sends what is here, and decides what too
// much is.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "manage/libvirt/xdr.hpp"

namespace samepage::libvirt {

class Outbox {
 public:
  void add(Bytes message) {
    unread_ += message.size();
    queued_.push_back(std::move(message));
  }
  /// Bytes that the client has not taken.
  [[nodiscard]] std::size_t unread() const { return unread_; }
  /// Whether something is to be sent, and nothing is being sent.
  [[nodiscard]] bool ready() const { return sending_.empty() && !queued_.empty(); }
  /// All that is here is being sent from now on, until sent(). It stays where it is.
  [[nodiscard]] std::span<const Bytes> begin_sending() {
    sending_ = std::exchange(queued_, {});
    return sending_;
  }
  void sent() {
    for (const Bytes& message : sending_) unread_ -= message.size();
    sending_.clear();
  }

 private:
  std::vector<Bytes> sending_;
  std::vector<Bytes> queued_;  // behind `sending_`
  std::size_t unread_ = 0;
};

}  // namespace samepage::libvirt
