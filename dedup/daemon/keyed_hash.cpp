// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/keyed_hash.hpp"

#include <sys/random.h>

#include "base/check.hpp"

namespace samepage::dedup {

KeyedHash::KeyedHash() {
  static_assert(sizeof(key_) <= 256, "getrandom never returns less for up to 256 bytes");
  check(::getrandom(key_.data(), sizeof(key_), 0), "getrandom");
  key_[1] |= 1;
}

}  // namespace samepage::dedup
