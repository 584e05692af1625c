// SPDX-License-Identifier: Apache-2.0
// What goes wrong ends with one line that names the cause and the way out, a code that is not 0, and nothing
// left.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class BadInput : public Host {
 protected:
  std::string file(const std::string& name, const std::string& bytes) const {
    std::string path = directory_ + "-" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    made_.push_back(path);
    return path;
  }
  void TearDown() override {
    Host::TearDown();
    for (const std::string& path : made_) std::filesystem::remove(path);
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // One line on stderr with `cause` in it.
  void expect_error(const Finished& finished, const std::string& cause) const {
    EXPECT_NE(finished.code, 0);
    EXPECT_LT(finished.code, 128) << "ended by a signal";
    EXPECT_NE(finished.err.find(cause), std::string::npos) << finished.err;
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_TRUE(leftovers().empty());
    EXPECT_TRUE(ask({"ps"}).empty());
  }
  UniqueFd listen_on(const std::string& path) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd fd = checked_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    // SAFETY: the sockets interface takes every address family as sockaddr.
    check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
    check(::listen(fd.get(), 4), "listen");
    return fd;
  }

  mutable std::vector<std::string> made_;
};

TEST_F(BadInput, AnImageThatIsNotThere) {
  expect_error(samepage({"run", "./no-such-image"}), "no-such-image");
}

TEST_F(BadInput, ATruncatedImage) {
  const std::string whole = bytes_of(image("hello"));
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{3}, std::size_t{40}, std::size_t{100}, std::size_t{5000}}) {
    expect_error(samepage({"run", file("truncated", whole.substr(0, length))}), "truncated");
  }
}

TEST_F(BadInput, AnImageThatIsNoGuest) {
  expect_error(samepage({"run", program("samepage")}), "PVH");
}

TEST_F(BadInput, ThirtyTwoBitGarbage) {
  std::string bytes = bytes_of(image("hello"));
  bytes[4] = 1;  // ELFCLASS32
  expect_error(samepage({"run", file("elf32", bytes)}), "64-bit");
}

TEST_F(BadInput, MemoryThatIsTooSmallOrLargerThanTheHosts) {
  expect_error(samepage({"run", "--mem", "64K", "hello"}), "64");
  expect_error(samepage({"run", "--mem", "100T", "hello"}), "host");
}

TEST_F(BadInput, ANameInUse) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M"});
  const Finished second = samepage({"run", "--name", "a", "hello"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("is running"), std::string::npos) << second.err;
  EXPECT_EQ(ask({"ps"}).size(), 1U);
}

TEST_F(BadInput, AGuestThatIsNotThere) {
  for (const char* command : {"pause", "resume", "stop", "kill", "map", "logs"}) {
    const Finished finished = samepage({command, "nobody"});
    EXPECT_EQ(finished.code, 1) << command;
    EXPECT_NE(finished.err.find("nobody"), std::string::npos) << command << ": " << finished.err;
  }
}

TEST_F(BadInput, ATripleFault) {
  expect_error(samepage({"run", "misbehave", "--", "how=triple-fault"}), "triple fault");
}

TEST_F(BadInput, MemoryOutsideRam) {
  expect_error(samepage({"run", "misbehave", "--", "how=outside-ram"}), "0xd0000000");
}

TEST_F(BadInput, AnUnknownPort) {
  expect_error(samepage({"run", "misbehave", "--", "how=unknown-port"}), "0x1234");
}

TEST_F(BadInput, AWriteToReadOnlyMemory) {
  const std::string rom = file("rom", std::string(4096, 'R'));
  const Finished read = samepage(
      {"run", "--rom", rom + "@0xd0000000", "misbehave", "--", "how=read-rom", "address=0xd0000000"});
  EXPECT_NE(read.out.find("RRRR"), std::string::npos) << read.out << read.err;
  expect_error(samepage({"run", "--rom", rom + "@0xd0000000", "misbehave", "--", "how=write-rom",
                         "address=0xd0000000"}),
               "read-only");
  EXPECT_EQ(bytes_of(rom), std::string(4096, 'R'));
}

TEST_F(BadInput, ADaemonThatSpeaksAnotherLanguage) {
  const std::string path = directory_ + "-other.sock";
  made_.push_back(path);
  const UniqueFd listening = listen_on(path);
  std::vector<std::thread> others;
  // One for the look whether somebody is there, which says nothing, and one for the guest, at the same time.
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      const UniqueFd peer(::accept(listening.get(), nullptr, nullptr));
      if (receive_message(peer.get())) static_cast<void>(send_message(peer.get(), 4711, "what?"));
    });
  }
  ::setenv("SAMEPAGE_SOCKET", path.c_str(), 1);
  const Finished finished = samepage({"run", "hello"});
  ::unsetenv("SAMEPAGE_SOCKET");
  for (std::thread& other : others) other.join();
  expect_error(finished, "version");
}

TEST_F(BadInput, ADaemonOfSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  const std::string path = directory_ + "-foreign.sock";
  made_.push_back(path);
  Child other = Child::start([&] {
    if (::setuid(65534) != 0) ::_exit(1);
    die_with_parent();
    static_cast<void>(listen_on(path).release());  // open until it is killed
    ::pause();
  });
  wait_until("the other daemon listens", [&] { return static_cast<bool>(connect_local(path)); });
  ::setenv("SAMEPAGE_SOCKET", path.c_str(), 1);
  const Finished finished = samepage({"run", "hello"});
  ::unsetenv("SAMEPAGE_SOCKET");
  other.kill();
  expect_error(finished, "65534");
}

TEST_F(BadInput, BytesThatAreNotUtf8) {
  const Finished finished = samepage({"tune", "\xff=1"});
  expect_error(finished, "there is no knob");
  EXPECT_EQ(finished.err.find("json"), std::string::npos) << finished.err;
}

TEST_F(BadInput, AParameterThatTheGuestDoesNotHave) {
  for (const char* word : {"exti=3", "exit", "=3", "--help"}) {
    const Finished finished = samepage({"run", "hello", "--", word});
    EXPECT_EQ(finished.code, 2) << word;
    EXPECT_NE(finished.out.find("'" + std::string(word) + "'"), std::string::npos) << finished.out;
    EXPECT_NE(finished.out.find("wait exit start"), std::string::npos) << finished.out;
  }
  EXPECT_EQ(samepage({"run", "hello", "--", "exit=3", "exit=4"}).code, 2);
  EXPECT_EQ(samepage({"run", "hello", "--", "virtio_mmio.device=4K@0xd0000000:5", "exit=3"}).code, 3)
      << "what another VMM adds is not for the guest";
}

TEST_F(BadInput, MoreCpusThanTheGuestCanUse) {
  const Finished finished = samepage({"run", "--cpus", "33", "fill"});
  EXPECT_EQ(finished.code, 2) << finished.err;
  EXPECT_NE(finished.out.find("33 CPUs are more than the 32"), std::string::npos) << finished.out;
}

TEST_F(BadInput, NonsenseOnTheCommandLine) {
  EXPECT_EQ(samepage({"run"}).code, 2);
  EXPECT_EQ(samepage({"run", "--cpus", "many", "hello"}).code, 2);
  EXPECT_EQ(samepage({"fly"}).code, 2);
  EXPECT_NE(samepage({"run", "--cpus", "0", "hello"}).code, 0);
  EXPECT_EQ(samepage({"run", "--name", "../up", "hello"}).code, 2);
  EXPECT_EQ(samepage({"tune", "merging"}).code, 2);
  EXPECT_NE(samepage({"tune", "speed=9"}).code, 0);
  EXPECT_TRUE(leftovers().empty());
}

}  // namespace
}  // namespace samepage::system_test
