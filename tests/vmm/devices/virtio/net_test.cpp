// SPDX-License-Identifier: Apache-2.0
// On an interface that the test makes in a network namespace of its own; skipped where it may not.
#include "vmm/devices/virtio/net.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <thread>

#include "base/check.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t data = FakeDriver::data;
constexpr std::size_t header_bytes = sizeof(NetHeader);
constexpr const char* name = "smptest0";

std::string why_not(const std::string& tap) {
  try {
    const Tap opened(tap);
  } catch (const UserError& error) {
    return error.what();
  }
  return "it can be used";
}

/// All of a test runs on a thread in its own namespace, because a process never leaves one again.
class NetTest : public testing::Test {
 protected:
  void in_own_network(const std::function<void()>& test, short queues = 0) {
    bool skipped = false;
    std::thread([&] {
      if (::unshare(CLONE_NEWNET) != 0 || !make_interface(queues)) {
        skipped = true;
        return;
      }
      test();
    }).join();
    if (skipped) GTEST_SKIP() << "network namespaces or TAP interfaces are not allowed here";
  }

 private:
  static bool make_interface(short queues) {
    const UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | queues);
    std::strcpy(request.ifr_name, name);
    if (!tun || ::ioctl(tun.get(), TUNSETIFF, &request) != 0 || ::ioctl(tun.get(), TUNSETPERSIST, 1UL) != 0) {
      return false;
    }
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    request.ifr_flags = IFF_UP;
    return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
  }
};

bool remove_interface() {
  struct {
    nlmsghdr head;
    ifinfomsg link;
  } request{};
  request.head.nlmsg_len = sizeof(request);
  request.head.nlmsg_type = RTM_DELLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(::if_nametoindex(name));
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  std::array<std::byte, 1024> answer{};
  return socket && ::send(socket.get(), &request, sizeof(request), 0) == sizeof(request) &&
         ::recv(socket.get(), answer.data(), answer.size(), 0) > 0 && ::if_nametoindex(name) == 0;
}

/// The host's end: raw frames on the interface.
class HostSide {
 public:
  HostSide() : socket_(checked_fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x88b5)), "socket")) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(0x88b5);  // for experiments: the kernel sends none
    address.sll_ifindex = static_cast<int>(::if_nametoindex(name));
    // SAFETY: sockets take every kind of address as a sockaddr.
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
  }
  void send(const std::string& frame) const {
    check(::send(socket_.get(), frame.data(), frame.size(), 0), "send");
  }
  [[nodiscard]] std::string receive() const {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 10'000) != 1) return "nothing came";
    std::string frame(2000, '\0');
    frame.resize(
        static_cast<std::size_t>(check(::recv(socket_.get(), frame.data(), frame.size(), 0), "recv")));
    return frame;
  }

 private:
  UniqueFd socket_;
};

std::string frame_of(const std::string& payload) {
  std::string frame(12, '\x02');
  frame += "\x88\xb5" + payload;
  frame.resize(60, ' ');
  return frame;
}

TEST_F(NetTest, FramesGoBothWays) {
  in_own_network([] {
    Net device(Tap(name), {2, 0, 0, 0, 0, 7});
    FakeDriver driver(device);
    driver.start();
    driver.serve();
    EXPECT_EQ(driver.get(0x100), 0x0000'0002U);
    const HostSide host;

    const std::string out = frame_of("from the guest");
    driver.set_text(data + header_bytes, out);
    driver.request(1, {{data, static_cast<std::uint32_t>(header_bytes + out.size())}});
    driver.serve();
    EXPECT_EQ(host.receive(), out);

    host.send(frame_of("to the guest"));
    driver.serve();  // no room: the frame waits, and nobody listens meanwhile
    EXPECT_EQ(device.host_input(), -1);
    for (int i = 0; i < 8; ++i) {  // a new interface has frames of its own kernel, too
      driver.request(0, {{data + 0x1000, 2000, write_flag}});
      driver.serve();
      if (driver.text(data + 0x1000 + header_bytes, 60) == frame_of("to the guest")) break;
    }
    EXPECT_EQ(driver.text(data + 0x1000 + header_bytes, 60), frame_of("to the guest"));
    EXPECT_EQ(driver.ram_.take<std::uint16_t>(data + 0x1000 + 10), 1);

    const NetFigures figures = device.figures();
    EXPECT_EQ(figures.mac, (MacAddress{2, 0, 0, 0, 0, 7}));
    EXPECT_EQ(figures.sent.packets, 1U);
    EXPECT_EQ(figures.sent.bytes, out.size());
    EXPECT_GE(figures.received.packets, 1U);
    EXPECT_GE(figures.received.bytes, 60U);
  });
}

// The packet has left the interface: only the state has it.
TEST_F(NetTest, AnotherOneDeliversThePacketThatWaitedForRoom) {
  in_own_network([] {
    const std::string frame = frame_of("to the guest");
    auto device = std::make_unique<Net>(Tap(name), MacAddress{2, 0, 0, 0, 0, 7});
    FakeDriver parent(*device);
    parent.start();
    HostSide().send(frame);
    NetState state;
    for (int i = 0; i < 20; ++i) {  // a new interface has frames of its own kernel, too
      parent.serve();
      state = std::get<NetState>(device->save());
      if (state.incoming.find(frame) == header_bytes) break;
      parent.request(0, {{data, 2000, write_flag}});
      parent.serve();
    }
    const TransportState registers = parent.transport_.save();
    const std::uint16_t before = parent.finished(0);
    device.reset();  // an interface has one guest

    Net other(Tap(name), MacAddress{2, 0, 0, 0, 0, 8});
    FakeDriver driver(other);
    ASSERT_EQ(driver.go_on_from(parent, registers, state), "");
    driver.request(0, {{data, 2000, write_flag}});
    driver.serve();
    EXPECT_EQ(driver.finished(0), before + 1);
    EXPECT_EQ(driver.text(data + header_bytes, frame.size()), frame);
    EXPECT_EQ(driver.get(0x104) & 0xffffU, 0x0700U) << "the guest keeps its address";
  });
}

TEST_F(NetTest, APacketThatIsTooLongIsNotAState) {
  in_own_network([] {
    Net device(Tap(name), {2, 0, 0, 0, 0, 7});
    EXPECT_TRUE(device.restore(NetState{{}, std::string(70'000, 'x')}));
    EXPECT_TRUE(device.restore(NoState{}));
  });
}

// Its descriptor polls as ready for ever: listening to it would cost a processor.
TEST_F(NetTest, NobodyListensToAnInterfaceThatIsGone) {
  in_own_network([] {
    Net device(Tap(name), {2, 0, 0, 0, 0, 7});
    FakeDriver driver(device);
    driver.start();
    for (int frames = 0; frames < 20; ++frames) {  // a new interface has frames of its own kernel
      driver.request(0, {{data, 2000, write_flag}});
      driver.serve();
    }
    ASSERT_NE(device.host_input(), -1);
    ASSERT_TRUE(remove_interface());
    driver.request(1, {{data, 60}});
    driver.serve();
    EXPECT_EQ(device.host_input(), -1);
    EXPECT_EQ(driver.finished(1), 1) << "what is sent is lost, as with a cable that is pulled";
  });
}

TEST_F(NetTest, AnInterfaceHasOneGuest) {
  in_own_network([] {
    const Tap first(name);
    EXPECT_THAT(why_not(name), HasSubstr("another guest uses it"));
    EXPECT_THAT(why_not("lo"), HasSubstr("cannot use network interface lo"));
  });
}

TEST_F(NetTest, OfAnInterfaceWithSeveralQueuesAGuestHasOneAndAnotherGuestNone) {
  in_own_network(
      [] {
        {
          const Tap first(name);
          const HostSide host;
          host.send(std::string(14, '\xff') + "for the guest");
          std::array<std::byte, 2000> packet{};
          EXPECT_GT(first.receive(packet).value_or(0), header_bytes);
          EXPECT_THAT(why_not(name), HasSubstr("another guest uses a queue of it"));
        }
        EXPECT_EQ(why_not(name), "it can be used") << "the first guest has ended";
      },
      IFF_MULTI_QUEUE);
}

TEST(Tap, WithoutAnInterfaceSaysHowToMakeOne) {
  EXPECT_THAT(why_not("nonesuch7"), HasSubstr("ip tuntap add nonesuch7 mode tap"));
  EXPECT_THAT(why_not("a-name-that-is-too-long"), HasSubstr("1 to 15 characters"));
  EXPECT_THAT(why_not(""), HasSubstr("1 to 15 characters"));
}

}  // namespace
}  // namespace samepage::vmm::test
