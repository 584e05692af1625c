// SPDX-License-Identifier: Apache-2.0
// All points where tests make a daemon or an agent fail (base/fault_point.hpp): before and after each
// message, and the steps in between. tests/dedup/faults/fault_walk_test.cpp walks all of them: a name that is
// listed here is tried, and one that is used and not listed does not compile.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fault_point.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

enum class FaultIn : std::uint8_t { daemon, agent };
/// Whether a call is made here that can fail: such points take an error too.
enum class FaultCan : std::uint8_t { kill, fail };

struct FaultStep {
  std::string_view name;
  FaultIn where;
  FaultCan can = FaultCan::kill;
};

inline constexpr std::array fault_steps{
    // A frame, or a slot, from the first sighting to its end.
    FaultStep{"frame-writing", FaultIn::daemon, FaultCan::fail},
    FaultStep{"frame-written", FaultIn::daemon},
    FaultStep{"segment-taking", FaultIn::daemon,
              FaultCan::fail},  // the paging file has been shortened by as much
    FaultStep{"segment-taken", FaultIn::daemon},
    FaultStep{"slot-collected", FaultIn::daemon},
    FaultStep{"slot-writing", FaultIn::daemon, FaultCan::fail},
    FaultStep{"slot-syncing", FaultIn::daemon, FaultCan::fail},
    FaultStep{"slot-written", FaultIn::daemon},
    FaultStep{"slot-published", FaultIn::daemon},
    FaultStep{"slot-freed", FaultIn::daemon},
    FaultStep{"segment-back", FaultIn::daemon, FaultCan::fail},
    FaultStep{"frame-reaped", FaultIn::daemon},
    // Paging files and guests come and go.
    FaultStep{"file-making", FaultIn::daemon, FaultCan::fail},
    FaultStep{"file-added", FaultIn::daemon},
    FaultStep{"file-leaving", FaultIn::daemon},
    FaultStep{"file-told-to-leave", FaultIn::daemon},
    FaultStep{"file-closing", FaultIn::daemon},
    FaultStep{"guest-gone", FaultIn::daemon},
    // A guest's page.
    FaultStep{"page-donated", FaultIn::agent},
    FaultStep{"frames-read", FaultIn::agent},
    FaultStep{"page-mapping", FaultIn::agent, FaultCan::fail},  // the guest is held
    FaultStep{"page-mapped", FaultIn::agent},
    FaultStep{"pages-merged", FaultIn::agent},
    FaultStep{"page-unmapping", FaultIn::agent, FaultCan::fail},
    FaultStep{"page-unmapped", FaultIn::agent},  // its bytes are not back yet
    FaultStep{"file-left", FaultIn::agent},
    // The socket.
    FaultStep{"agent-sending", FaultIn::agent, FaultCan::fail},
    FaultStep{"daemon-sending", FaultIn::daemon, FaultCan::fail},
};

/// A step by its name, which is looked up when this is compiled.
class FaultName {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a point is written as its name
  consteval FaultName(const char* name) : name_(name) {
    bool known = false;
    for (const FaultStep& step : fault_steps) known = known || step.name == name_;
    if (!known) throw "this fault point is not in the list above";
  }
  [[nodiscard]] constexpr std::string_view text() const { return name_; }

 private:
  std::string_view name_;
};

inline void fault_point(FaultName name) noexcept {
  reach_fault_point(name.text());
}
/// True when the call here is to fail, with errno.
[[nodiscard]] inline bool fault_fails(FaultName name) noexcept {
  return reach_fault_point(name.text()) != 0;
}

/// What happens to a message. Each is a point with the message's name behind it, such as agent-sent-offer.
enum class FaultMoment : std::uint8_t { sends, sent, takes, took };
inline constexpr std::array<std::string_view, 4> fault_moments{"sends", "sent", "takes", "took"};

struct FaultMessage {
  wire::Type type;
  std::string_view name;
  FaultIn from;  // where it is sent; the other one takes it
};
inline constexpr std::array fault_messages{
    FaultMessage{wire::Type::hello, "hello", FaultIn::agent},
    FaultMessage{wire::Type::offer, "offer", FaultIn::agent},
    FaultMessage{wire::Type::donated, "donated", FaultIn::agent},
    FaultMessage{wire::Type::merged, "merged", FaultIn::agent},
    FaultMessage{wire::Type::broken, "broken", FaultIn::agent},
    FaultMessage{wire::Type::withdraw, "withdraw", FaultIn::agent},
    FaultMessage{wire::Type::report, "report", FaultIn::agent},
    FaultMessage{wire::Type::image, "image", FaultIn::agent},
    FaultMessage{wire::Type::sync, "sync", FaultIn::agent},
    FaultMessage{wire::Type::retained, "retained", FaultIn::agent},
    FaultMessage{wire::Type::retained_out, "retained-out", FaultIn::agent},
    FaultMessage{wire::Type::page_out, "page-out", FaultIn::agent},
    FaultMessage{wire::Type::cold, "cold", FaultIn::agent},
    FaultMessage{wire::Type::warm, "warm", FaultIn::agent},
    FaultMessage{wire::Type::used, "used", FaultIn::agent},
    FaultMessage{wire::Type::welcome, "welcome", FaultIn::daemon},
    FaultMessage{wire::Type::kept_out, "kept-out", FaultIn::daemon},
    FaultMessage{wire::Type::verdict, "verdict", FaultIn::daemon},
    FaultMessage{wire::Type::knobs, "knobs", FaultIn::daemon},
    FaultMessage{wire::Type::synced, "synced", FaultIn::daemon},
    FaultMessage{wire::Type::paging_file, "paging-file", FaultIn::daemon},
};

[[nodiscard]] inline std::string fault_name(FaultIn where, FaultMoment moment, std::string_view message) {
  std::string name(where == FaultIn::daemon ? "daemon-" : "agent-");
  name.append(fault_moments[static_cast<std::size_t>(moment)]).append("-").append(message);
  return name;
}

inline void fault_point(FaultIn where, FaultMoment moment, wire::Type type) {
  if (!has_fault_points()) return;
  for (const FaultMessage& message : fault_messages) {
    if (message.type == type) reach_fault_point(fault_name(where, moment, message.name));
  }
}

}  // namespace samepage::dedup
