// SPDX-License-Identifier: Apache-2.0
// Those who want to hear of each change of a guest's state as it happens. What a watcher does not read waits
// for it up to a limit; one that is further behind is cut off and looks again. Nothing here waits for a
// watcher. Called by the guest process's poll loop.
#pragma once

#include <poll.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

class Watchers {
 public:
  static constexpr std::size_t most = 16;
  static constexpr std::size_t most_unsent = std::size_t{64} << 10;

  /// Another one may be added.
  [[nodiscard]] bool has_room() const { return watchers_.size() < most; }
  [[nodiscard]] std::size_t size() const { return watchers_.size(); }
  /// One that is sent `greeting` (packed messages), however long that is, and then what tell() is given.
  void add(UniqueFd socket, std::string greeting);
  /// An answer for all of them.
  void tell(const nlohmann::json& answer);

  /// Appends what is to be polled for: an entry for each.
  void add_waits(std::vector<pollfd>& waits) const;
  /// Does what can be done; `waits` are those of the last add_waits(), polled. Does not block.
  void serve(std::span<const pollfd> waits);

  /// The last news, after which the connections end. Waits for slow watchers, at most 2 s for all together.
  void finish(const nlohmann::json& news);

 private:
  struct Watcher {
    UniqueFd socket;
    std::string unsent;
    std::size_t greeting = 0;  // so much of `unsent` is the greeting's
  };
  static bool send(Watcher& watcher);

  std::vector<Watcher> watchers_;
};

}  // namespace samepage::vmm
