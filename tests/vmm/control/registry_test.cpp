// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/registry.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::vmm {
namespace {

namespace fs = std::filesystem;

class Registry : public testing::Test {
 protected:
  Registry() {
    std::string path = testing::TempDir() + "registry-XXXXXX";
    directory_ = ::mkdtemp(path.data());
  }
  ~Registry() override { fs::remove_all(directory_); }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  [[nodiscard]] bool has_socket(const std::string& name) const {
    return fs::exists(directory_ / (name + ".sock"));
  }

  // What a guest leaves that was killed: a socket that nobody listens on.
  void leave_stale_socket(const std::string& name) const {
    const UniqueFd socket = checked_fd(::socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_ / (name + ".sock");
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    // SAFETY: the sockets interface takes every address family as sockaddr.
    check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
  }

  fs::path directory_;
};

TEST_F(Registry, AClaimedNameCanBeReachedAndIsGoneWithItsOwner) {
  const GuestRegistry registry(directory_);
  {
    const NameClaim claim = registry.claim("web");
    EXPECT_EQ(claim.name(), "web");
    const UniqueFd socket = registry.connect("web");
    ASSERT_TRUE(socket);
    EXPECT_EQ(peer_of(socket.get()).pid, ::getpid());
  }
  EXPECT_FALSE(has_socket("web"));
  EXPECT_FALSE(registry.connect("web"));
}

TEST_F(Registry, ANameInUseIsRefusedWithTheWayOut) {
  const GuestRegistry registry(directory_);
  const NameClaim claim = registry.claim("web");
  try {
    const NameClaim second = registry.claim("web");
    FAIL() << "the name was given twice";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("samepage stop web"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(registry.connect("web"));
}

TEST_F(Registry, AStaleSocketIsTakenOver) {
  const GuestRegistry registry(directory_);
  leave_stale_socket("web");
  const NameClaim claim = registry.claim("web");
  EXPECT_TRUE(registry.connect("web"));
}

TEST_F(Registry, WhoeverMeetsAStaleSocketRemovesIt) {
  const GuestRegistry registry(directory_);
  leave_stale_socket("web");
  EXPECT_EQ(registry.names(), std::vector<std::string>{"web"});
  EXPECT_FALSE(registry.connect("web"));
  EXPECT_FALSE(has_socket("web"));
}

TEST_F(Registry, NumberedClaimsTakeTheLowestFreeNumber) {
  const GuestRegistry registry(directory_);
  std::optional<NameClaim> first(registry.claim_numbered("fill"));
  const NameClaim second = registry.claim_numbered("fill");
  EXPECT_EQ(first->name(), "fill-1");
  EXPECT_EQ(second.name(), "fill-2");
  first.reset();
  EXPECT_EQ(registry.claim_numbered("fill").name(), "fill-1");
}

TEST_F(Registry, NamesAreSortedAndOtherFilesAreNoNames) {
  const GuestRegistry registry(directory_);
  const NameClaim b = registry.claim("b");
  const NameClaim a = registry.claim("a");
  std::ofstream(directory_ / "note.txt") << "x";
  EXPECT_EQ(registry.names(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(Registry, ALongDirectoryPathIsNoObstacle) {
  const fs::path deep = directory_ / std::string(150, 'd');
  const GuestRegistry registry(deep);
  const std::string name(max_guest_name, 'n');
  const NameClaim claim = registry.claim(name);
  EXPECT_TRUE(registry.connect(name));
}

TEST_F(Registry, ABadNameIsRefused) {
  const GuestRegistry registry(directory_);
  EXPECT_THROW(registry.prune("../web"), UserError);
  EXPECT_THROW(static_cast<void>(registry.claim("../web")), UserError);
}

TEST_F(Registry, OfManyAtOnceExactlyOneGetsAStaleName) {
  constexpr int rounds = 50;
  const GuestRegistry registry(directory_);
  for (int round = 0; round < rounds; ++round) {
    leave_stale_socket("web");
    std::atomic<int> winners = 0;
    std::atomic<int> done = 0;
    const auto try_claim = [&] {
      std::optional<NameClaim> claim;
      try {
        claim.emplace(registry.claim("web"));
        ++winners;
      } catch (const UserError&) {
        // Another one has it.
      }
      ++done;
      while (done < 3) std::this_thread::yield();  // keeps the name until all have tried
    };
    std::thread a(try_claim);
    std::thread b(try_claim);
    std::thread c(try_claim);
    for (std::thread* thread : {&a, &b, &c}) thread->join();
    EXPECT_EQ(winners, 1);
    EXPECT_FALSE(has_socket("web"));
  }
}

}  // namespace
}  // namespace samepage::vmm
