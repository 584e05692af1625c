// SPDX-License-Identifier: Apache-2.0
// What a process in a jail can reach, by calls that a confined guest's process may make.
#include "base/jail.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"
#include "tests/base/confined_process.hpp"

namespace samepage {
namespace {

constexpr int cannot_be_tried = 77;

sockaddr_un address_of(std::string_view path, std::size_t from) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path + from, path.size());
  return address;
}

UniqueFd listen_at(const sockaddr_un& address, std::size_t size) {
  UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // SAFETY: as bind(2) takes it.
  check(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)),
        "bind");
  check(::listen(listening.get(), 1), "listen");
  return listening;
}

class JailTest : public testing::Test {
 protected:
  /// Does `act` in a child in a jail; 0 is well.
  void jailed(const std::function<int()>& act) {
    const Ended ended = in_child([&](int said) {
      try {
        enter_jail(directory_.path());
      } catch (const UserError& error) {
        if (::write(said, error.what(), std::strlen(error.what())) < 0) return 97;
        return cannot_be_tried;
      }
      return act();
    });
    if (ended.code == cannot_be_tried) GTEST_SKIP() << ended.said;
    EXPECT_EQ(ended.code, 0) << ended.said;
  }
  TemporaryDirectory directory_;
};

TEST_F(JailTest, NoFileAndNoProcessOfTheHostIsThere) {
  jailed([] {
    int wrong = 0;
    struct stat info {};
    for (const char* path : {"/etc/passwd", "/etc", "/proc", "/proc/1", "/proc/self/status", "/dev/kvm",
                             "/home", "/../etc/passwd", "/sys"}) {
      if (::stat(path, &info) == 0 || errno != ENOENT) ++wrong;
    }
    // Nor through the place where it was.
    if (::stat("etc/passwd", &info) == 0 || ::stat("../../etc/passwd", &info) == 0) ++wrong;
    return wrong;
  });
}

TEST_F(JailTest, ItsDirectoryCanBeReadAndNotWritten) {
  UniqueFd(::open((directory_.path() + "/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  jailed([&] {
    const UniqueFd file(::open((directory_.path() + "/file").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return 1;
    if (::open((directory_.path() + "/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0) return 2;
    return ::mkdir("/new", 0700) == 0 || errno != EROFS ? 3 : 0;
  });
}

TEST_F(JailTest, SocketsInItsDirectoryAnswerAndSeeTheSameUserAndProcess) {
  const std::string path = directory_.path() + "/daemon.sock";
  const UniqueFd listening = listen_at(address_of(path, 0), sizeof(sockaddr_un));
  jailed([&] {
    const UniqueFd ours = connect_local(path);
    if (!ours) return 1;
    const UniqueFd theirs(::accept(listening.get(), nullptr, nullptr));
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(theirs.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 2;
    if (peer.pid != ::getpid() || peer.uid != ::geteuid()) return 3;
    return 0;
  });
}

// Names that are no files belong to a network.
TEST_F(JailTest, NoSocketWithAnAbstractNameIsReached) {
  const std::string name = directory_.path();
  const sockaddr_un address = address_of(name, 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const UniqueFd listening = listen_at(address, size);
  // SAFETY: as connect(2) takes it.
  const auto* const any = reinterpret_cast<const sockaddr*>(&address);
  const UniqueFd outside(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(outside.get(), any, size), 0) << "it can be reached at all";
  jailed([&] {
    const UniqueFd ours(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(ours.get(), any, size) == 0 ? 1 : 0;
  });
}

TEST_F(JailTest, WhereThereAreNoNamespacesItSaysWhatToDo) {
  const Ended ended = in_child([&](int said) {
    // Of a user namespace in which there may be no others.
    if (::unshare(CLONE_NEWUSER) != 0) return cannot_be_tried;
    const UniqueFd most(::open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC));
    if (!most || ::write(most.get(), "0", 1) != 1) return cannot_be_tried;
    try {
      enter_jail(directory_.path());
    } catch (const UserError& error) {
      return ::write(said, error.what(), std::strlen(error.what())) < 0 ? 97 : 0;
    }
    return 1;
  });
  if (ended.code == cannot_be_tried) GTEST_SKIP() << "no user namespace here";
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.said.find("user.max_user_namespaces"), std::string::npos) << ended.said;
}

}  // namespace
}  // namespace samepage
