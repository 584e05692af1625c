// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/tap.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

UserError cannot_use_tap(const std::string& name, const std::string& why) {
  return UserError(
      fmt::format("cannot use network interface {0}: {1}; as root, 'ip tuntap add {0} mode tap user "
                  "USER' makes one for USER and 'ip link set {0} up' starts it",
                  name, why));
}

// Attaches the descriptor to an interface; several queues are what somebody made it with, and one of them
// does.
int attach(int fd, ifreq& request) {
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(fd, TUNSETIFF, &request) == 0) return 0;
  if (errno != EINVAL) return -1;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_MULTI_QUEUE);
  return ::ioctl(fd, TUNSETIFF, &request);
}

// Of an interface with several queues the kernel gives another guest the next one, and that would get a part
// of this one's packets. A name that goes with its process, for all users of this network namespace.
UniqueFd claim(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string claimed = "samepage/tap/" + name;
  claimed.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);  // behind a zero: in no directory
  UniqueFd socket = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + claimed.size());
  // SAFETY: the sockets interface takes every address family as sockaddr.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return socket;
  if (errno != EADDRINUSE) throw_errno("bind");
  return {};
}

}  // namespace

Tap::Tap(const std::string& name) {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof(request.ifr_name)) {
    throw cannot_use_tap(name, fmt::format("a name has 1 to {} characters", sizeof(request.ifr_name) - 1));
  }
  // Without this root would make an interface that nobody has set up and that goes with the guest.
  if (::if_nametoindex(name.c_str()) == 0) throw cannot_use_tap(name, "there is none");
  fd_ = UniqueFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd_) throw cannot_use_tap(name, fmt::format("/dev/net/tun: {}", std::strerror(errno)));
  std::memcpy(request.ifr_name, name.data(), name.size());
  if (attach(fd_.get(), request) != 0) {
    throw cannot_use_tap(name, errno == EBUSY    ? "another guest uses it"
                               : errno == EINVAL ? "it is not a TAP interface"
                                                 : std::strerror(errno));
  }
  if ((request.ifr_flags & IFF_MULTI_QUEUE) != 0) {
    claim_ = claim(name);
    if (!claim_) throw cannot_use_tap(name, "another guest uses a queue of it");
  }
  const int header_bytes = sizeof(NetHeader);
  check(::ioctl(fd_.get(), TUNSETVNETHDRSZ, &header_bytes), "ioctl TUNSETVNETHDRSZ");
  check(::ioctl(fd_.get(), TUNSETOFFLOAD, 0UL), "ioctl TUNSETOFFLOAD");
}

std::optional<std::size_t> Tap::receive(std::span<std::byte> packet) const {
  if (!fd_) return 0;
  const ssize_t got = ::read(fd_.get(), packet.data(), packet.size());
  if (got >= 0) return static_cast<std::size_t>(got);
  return errno == EAGAIN || errno == EINTR ? std::optional<std::size_t>(0) : std::nullopt;
}

void Tap::send(std::span<const std::byte> packet) const {
  if (!fd_) return;
  if (::write(fd_.get(), packet.data(), packet.size()) < 0) return;
}

}  // namespace samepage::vmm
