// SPDX-License-Identifier: Apache-2.0
// Labels of domains. A label is a name, such as `tenant-a`, or a name with a mode: `tenant-a,uniform`. The
// mode is a part of the label: `tenant-a` and `tenant-a,uniform` are two domains, which share nothing.
// Whoever has the label has the mode: agents and the daemon tell each other nothing else of it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace samepage::dedup {

enum class DomainMode : std::uint8_t {
  plain,
  /// Every quiet page becomes a frame, whether another page has its content or not, and each frame lies
  /// anywhere: by time a guest does not find out what others have.
  uniform,
};

/// Of a label, also of one with its owner before it ("1000:tenant-a,uniform").
[[nodiscard]] DomainMode mode_of(std::string_view label);
/// The label without its mode.
[[nodiscard]] std::string_view name_of_domain(std::string_view label);
/// Whether agents may say it in HELLO.
[[nodiscard]] bool is_domain_label(std::string_view text);
/// Whether somebody may choose it for a guest. What `--domain` has another meaning for is left out, and so is
/// what looks like an option.
[[nodiscard]] bool may_be_chosen(std::string_view label);
/// What a label has to be made of, for people: the end of a sentence.
[[nodiscard]] std::string what_labels_are();

}  // namespace samepage::dedup
