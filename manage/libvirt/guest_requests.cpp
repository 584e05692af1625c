// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/guest_requests.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

guests::GuestConnection connect_to(const DomainRef& domain) {
  try {
    std::optional<guests::GuestConnection> guest = guests::find_guest(domain.name);
    if (!guest || static_cast<int>(guest->pid) != domain.id) throw invalid_operation("domain is not running");
    return std::move(*guest);
  } catch (const std::system_error& error) {
    throw timed_out(fmt::format("guest '{}' does not take callers: {}", domain.name, error.what()));
  }
}

json ask(const DomainRef& domain, const json& request) {
  const guests::GuestConnection guest = connect_to(domain);
  const auto deadline = Clock::now() + answer_patience;
  const auto answer = vmm::ask(guest.socket.get(), request, {}, deadline);
  // One that has hung up is ending.
  constexpr int end_ms = 1000;
  if (!answer && guest.process.ends_within(Clock::now() < deadline ? end_ms : 0)) {
    throw invalid_operation("domain is not running");
  }
  if (!answer) throw timed_out(fmt::format("guest '{}' does not answer", domain.name));
  if (answer->body.value("ok", false)) return answer->body;
  throw operation_failed(
      fmt::format("guest '{}' refuses: {}", domain.name, answer->body.value("error", "it does not say why")));
}

Live live_one(Domains::Parts& parts, const DomainRef& domain) {
  const auto here = parts.lock();
  const FoundDomain found = parts.needed_running(domain);
  return {found.ref(), found.live()};
}

}  // namespace samepage::libvirt
