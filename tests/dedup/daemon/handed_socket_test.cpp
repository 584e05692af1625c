// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/handed_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>

#include <functional>
#include <string>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/forked_child.hpp"

namespace samepage::dedup {
namespace {

TEST(HandedDescriptors, AreThoseOfThisProcessAlone) {
  EXPECT_EQ(handed_descriptors("12", "1", 12), 1U);
  EXPECT_EQ(handed_descriptors("12", "3", 12), 3U);
  EXPECT_EQ(handed_descriptors("13", "1", 12), 0U);
  EXPECT_EQ(handed_descriptors(nullptr, "1", 12), 0U);
  EXPECT_EQ(handed_descriptors("12", nullptr, 12), 0U);
  EXPECT_EQ(handed_descriptors(nullptr, nullptr, 12), 0U);
}

TEST(HandedDescriptors, WhatIsNotANumberIsNone) {
  for (const char* bad : {"", "x", "1x", "-1", " 1", "99999999999999999999", "1000000"})
    EXPECT_EQ(handed_descriptors("12", bad, 12), 0U) << bad;
  EXPECT_EQ(handed_descriptors("12x", "1", 12), 0U);
}

// In a process of its own, as the service manager starts one: descriptor 3 is `fd`, of `count` that are said
// to be there. Returns what `look` returned, and 99 where it has thrown something else than UserError.
int started_with(int fd, const char* count, const std::function<int()>& look) {
  const auto act = [&](int) {
    if (fd != 3 && ::dup2(fd, 3) != 3) return 98;
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", count, 1);
    return look();
  };
  return in_child(act).code;
}

int refused() {
  try {
    static_cast<void>(take_handed_socket());
    return 0;
  } catch (const UserError&) {
    return 1;
  }
}

class HandedSocketTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
};

TEST_F(HandedSocketTest, IsTakenWithItsPathAndNotHandedOn) {
  ListeningSocket listening(path_, Admission::owner_only);
  const UniqueFd fd = listening.take();
  EXPECT_EQ(started_with(fd.get(), "1",
                         [&] {
                           const auto handed = take_handed_socket();
                           if (!handed || handed->path != path_ || handed->for_others) return 1;
                           if ((::fcntl(handed->fd.get(), F_GETFD) & FD_CLOEXEC) == 0) return 2;
                           if ((::fcntl(handed->fd.get(), F_GETFL) & O_NONBLOCK) == 0) return 3;
                           if (std::getenv("LISTEN_FDS") != nullptr || take_handed_socket()) return 4;
                           return 0;
                         }),
            0);
}

TEST_F(HandedSocketTest, ItsModeSaysWhetherOthersMayConnect) {
  ListeningSocket listening(path_, Admission::everybody);
  const UniqueFd fd = listening.take();
  EXPECT_EQ(started_with(fd.get(), "1", [] { return take_handed_socket()->for_others ? 0 : 1; }), 0);
}

TEST_F(HandedSocketTest, WhatIsNotASocketThatListensIsRefused) {
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(started_with(file.get(), "1", refused), 1);
  const UniqueFd idle(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(started_with(idle.get(), "1", refused), 1);
  const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (other && ::listen(other.get(), 1) == 0) {
    EXPECT_EQ(started_with(other.get(), "1", refused), 1);
  }
}

TEST_F(HandedSocketTest, SeveralAreRefused) {
  ListeningSocket listening(path_, Admission::owner_only);
  const UniqueFd fd = listening.take();
  EXPECT_EQ(started_with(fd.get(), "2", refused), 1);
}

TEST_F(HandedSocketTest, NothingIsTakenWhereNothingWasHandedOver) {
  EXPECT_FALSE(take_handed_socket());
}

}  // namespace
}  // namespace samepage::dedup
