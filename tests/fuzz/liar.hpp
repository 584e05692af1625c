// SPDX-License-Identifier: Apache-2.0
// A peer of the daemon that says what a fuzzer's input makes it say: most of it well-formed, some of it true.
// It knows what every member of its domain knows: the secret, and so the digests of others' contents.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "dedup/protocol.hpp"
#include "tests/dedup/fleet/fleet.hpp"
#include "tests/fuzz/input.hpp"

namespace samepage::dedup::test {

class Liar {
 public:
  static constexpr std::uint32_t pages = 16;
  using Input = samepage::test::Input;

  explicit Liar(Fleet& fleet) : fleet_(fleet) {}

  /// Another process, which is connected and has said nothing.
  void begin();
  /// The same process, connected once more.
  void connect_again();
  void hang_up() { socket_.reset(); }
  void end();
  /// Says something; hears what it is told.
  void act(Input& input);

 private:
  void say(wire::Type type, std::span<const std::byte> payload);
  void join(Input& input);
  void hear();
  void take(Message message);
  void say_well_formed(Input& input);
  void donate(Input& input);
  void answer_grants(Input& input);
  void ask(Input& input);
  template <typename T>
  void say_list(wire::Type type, const std::vector<T>& list) {
    say(type, std::as_bytes(std::span(list)));
  }
  [[nodiscard]] std::uint64_t some_digest(Input& input) const;
  [[nodiscard]] std::vector<wire::Offer> some_offers(Input& input) const;
  [[nodiscard]] static std::vector<PageRange> some_ranges(Input& input);

  Fleet& fleet_;
  UniqueFd process_, pidfd_, socket_;
  Mapping staging_;
  DigestSecret secret_{};
  std::uint64_t membership_ = 0;
  std::vector<wire::Grant> grants_;        // that it has not answered
  std::vector<wire::Donation> donations_;  // that it was asked for
};

/// A page of this content, as FleetGuest::fill() makes it.
std::array<std::byte, page_size> page_of(std::uint64_t content);

}  // namespace samepage::dedup::test
