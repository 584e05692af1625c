// SPDX-License-Identifier: Apache-2.0
#include "dedup/listening_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdlib>

#include <filesystem>
#include <fstream>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/daemon_client.hpp"
#include "dedup/daemon_connection.hpp"
#include "tests/base/forked_child.hpp"

namespace samepage::dedup {
namespace {

class ListeningSocketTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
};

TEST_F(ListeningSocketTest, ThePathGoesWithTheSocket) {
  {
    const ListeningSocket socket(path_, Admission::owner_only);
    EXPECT_TRUE(connect_local(path_));
    EXPECT_EQ(std::filesystem::status(path_).permissions() & std::filesystem::perms::others_all,
              std::filesystem::perms::none);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ListeningSocketTest, OneDaemonAPath) {
  const ListeningSocket socket(path_, Admission::owner_only);
  EXPECT_THROW(ListeningSocket(path_, Admission::owner_only), UserError);
  EXPECT_TRUE(connect_local(path_));
}

TEST_F(ListeningSocketTest, AStaleSocketIsReplaced) {
  {
    ListeningSocket killed(path_, Admission::owner_only);
    std::filesystem::rename(path_, path_ + ".kept");  // as if nobody had cleaned up
  }
  std::filesystem::rename(path_ + ".kept", path_);
  EXPECT_FALSE(connect_local(path_));
  const ListeningSocket socket(path_, Admission::owner_only);
  EXPECT_TRUE(connect_local(path_));
}

// A daemon that became another user can't remove what root has made.
TEST_F(ListeningSocketTest, TheSocketOfADaemonThatGaveUpItsRightsIsReplaced) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const auto leave_a_socket = [&](int) {
    const ListeningSocket socket(path_, Admission::everybody);
    return ::setuid(65534) == 0 ? 0 : 1;
  };
  ASSERT_EQ(in_child(leave_a_socket).code, 0);
  EXPECT_TRUE(std::filesystem::is_socket(path_));
  EXPECT_FALSE(connect_daemon(path_));
  const ListeningSocket next(path_, Admission::everybody);
  EXPECT_TRUE(connect_daemon(path_));
}

TEST_F(ListeningSocketTest, ADaemonThatHangsKeepsItsPath) {
  const ListeningSocket hung(path_, Admission::owner_only);
  std::vector<UniqueFd> waiting;  // until it has no room for more
  while (UniqueFd socket = connect_local(path_, {0, 1000})) waiting.push_back(std::move(socket));
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_THROW(ListeningSocket(path_, Admission::owner_only), UserError);
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_THROW(static_cast<void>(connect_daemon(path_)), UserError);
}

TEST_F(ListeningSocketTest, ASocketThatWasRemovedIsMadeAnew) {
  ListeningSocket socket(path_, Admission::owner_only);
  EXPECT_FALSE(socket.renew());
  std::filesystem::remove(path_);
  EXPECT_TRUE(socket.renew());
  EXPECT_TRUE(connect_local(path_));
  EXPECT_TRUE(socket.take());
  EXPECT_FALSE(socket.renew());
}

TEST_F(ListeningSocketTest, WithoutASocketThePathStillHasItsDaemon) {
  const ListeningSocket socket(path_, Admission::owner_only);
  std::filesystem::remove(path_);
  EXPECT_TRUE(DaemonLock::is_held(path_));
  EXPECT_THROW(ListeningSocket(path_, Admission::owner_only), UserError);
}

TEST_F(ListeningSocketTest, ACleanedDirectoryIsFilledAgain) {
  ListeningSocket socket(path_, Admission::owner_only);
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
    std::filesystem::remove(entry);
  EXPECT_TRUE(socket.renew());
  EXPECT_TRUE(connect_local(path_));
  EXPECT_TRUE(DaemonLock::is_held(path_));
}

TEST_F(ListeningSocketTest, OfTwoDaemonsOnOnePathOneGivesUp) {
  ListeningSocket first(path_, Admission::owner_only);
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
    std::filesystem::remove(entry);
  ListeningSocket second(path_, Admission::owner_only);  // came before the first one has looked
  EXPECT_THROW(static_cast<void>(first.renew()), PlaceTaken);
  EXPECT_FALSE(second.renew());
  EXPECT_TRUE(connect_local(path_));
}

// As systemd puts its own in the place of what is there.
TEST_F(ListeningSocketTest, ASocketThatAServiceManagerPutThereStays) {
  ListeningSocket first(path_, Admission::owner_only);
  ListeningSocket managers(path_ + "2", Admission::owner_only);
  std::filesystem::rename(path_ + "2", path_);
  EXPECT_THROW(static_cast<void>(first.renew()), PlaceTaken);
  managers.take().reset();  // nobody listens there any more
  EXPECT_TRUE(first.renew());
}

TEST_F(ListeningSocketTest, NothingIsLeftInTheDirectory) {
  { const ListeningSocket socket(path_, Admission::owner_only); }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_FALSE(DaemonLock::is_held(path_));
}

TEST_F(ListeningSocketTest, AFileOfSomethingElseIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_THROW(ListeningSocket(path_, Admission::owner_only), UserError);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(ListeningSocketTest, ALongPathIsRefusedWithAWayOut) {
  EXPECT_THROW(ListeningSocket(directory_.path() + "/" + std::string(200, 'x'), Admission::owner_only),
               UserError);
}

TEST_F(ListeningSocketTest, NobodyThereIsNoError) {
  EXPECT_FALSE(ask_daemon(path_, {{"do", "stat"}}));
}

}  // namespace
}  // namespace samepage::dedup
