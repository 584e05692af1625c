// SPDX-License-Identifier: Apache-2.0
// Gives a descriptor to Asio, which does not take it when it fails.
#pragma once

#include <utility>

#include "base/unique_fd.hpp"

namespace samepage {

template <typename AsioObject, typename... Protocol>
void hand_over(UniqueFd fd, AsioObject& to, Protocol... protocol) {
  to.assign(protocol..., fd.get());
  static_cast<void>(fd.release());
}

}  // namespace samepage
