// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/handshake.hpp"

#include <fmt/format.h>

#include <cstring>

#include "dedup/daemon/staging_area.hpp"
#include "dedup/domain_label.hpp"

namespace samepage::dedup {
namespace {

// Names are made of what names are made of, and end within their fields.
bool is_sound(const wire::Hello& hello) {
  return hello.guest[wire::max_name - 1] == 0 && hello.domain[wire::max_name - 1] == 0 &&
         wire::is_name(hello.guest) && is_domain_label(hello.domain) && hello.pages != 0 &&
         hello.pages <= wire::max_pages;
}

template <typename T>
std::vector<std::byte> copy_of(const T& message) {
  const std::span<const std::byte> bytes = wire::bytes_of(message);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::variant<wire::Hello, NoHello, UnknownVersion> read_hello(std::span<const std::byte> payload) {
  std::uint32_t start[2] = {};  // magic and version stand first in every version
  if (payload.size() < sizeof(start)) return NoHello();
  std::memcpy(start, payload.data(), sizeof(start));
  if (start[0] != wire::magic) return NoHello();
  const auto hello = wire::decode_hello(payload);
  if (!hello) {
    return UnknownVersion{fmt::format(
        "this samepaged speaks version {} of the protocol, the guest's VMM version {}; install both from the "
        "same release",
        wire::version, start[1])};
  }
  if (!is_sound(*hello)) return NoHello();
  return *hello;
}

std::vector<std::byte> make_welcome(const SessionHost::Membership& membership, const DigestSecret& secret,
                                    std::uint32_t version) {
  wire::Welcome welcome;
  welcome.staging_slots = StagingArea::slots;
  welcome.max_frames = membership.max_frames;
  welcome.knobs = membership.knobs;
  welcome.membership = membership.number;
  welcome.takes_whole_reports = 1;
  welcome.ends_when_idle = membership.ends_when_idle ? 1 : 0;
  welcome.secret = secret;
  welcome.version = version;
  if (version != wire::former_version) return copy_of(welcome);
  return copy_of(wire::FormerWelcome{.staging_slots = welcome.staging_slots,
                                     .max_frames = welcome.max_frames,
                                     .knobs = welcome.knobs,
                                     .secret = welcome.secret});
}

}  // namespace samepage::dedup
