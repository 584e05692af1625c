// SPDX-License-Identifier: Apache-2.0
// A guest that shares nothing: its memory counts as promised for as long as it is there, at whichever daemon
// there is.
#include "dedup/agent/promise.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/daemon/running_daemon.hpp"

namespace samepage::dedup {
namespace {

class Promises : public testing::Test {
 protected:
  static constexpr std::uint64_t pages = 1000;

  void start_daemon(ServerConfig config = {}) {
    socket_.emplace(path_, Admission::owner_only);
    daemon_.emplace(socket_->take(), std::move(config));
  }
  void end_daemon() {
    daemon_.reset();
    socket_.reset();
  }
  std::uint64_t promised_bytes() {
    std::promise<std::uint64_t> figure;
    daemon_->post([&](Server& server) {
      figure.set_value(server.statistics(Server::Costs::left_out).at("host").at("reserved_bytes"));
    });
    return figure.get_future().get();
  }
  [[nodiscard]] AgentConfig config() const { return {"guest", "none", Sharing::nothing, path_}; }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/daemon.sock";
  std::optional<ListeningSocket> socket_;
  std::optional<RunningDaemon> daemon_;
};

TEST_F(Promises, AreCountedForAsLongAsTheGuestIsThere) {
  start_daemon();
  {
    const Promise promise(config(), pages);
    EXPECT_EQ(promised_bytes(), PageCount{pages}.bytes());
  }
  wait_until("nothing is promised any more", [&] { return promised_bytes() == 0; });
}

TEST_F(Promises, AreCountedByTheNextDaemonToo) {
  start_daemon();
  Promise promise(config(), pages);
  promise.start();
  end_daemon();
  start_daemon();
  wait_until("its memory is promised", [&] { return promised_bytes() == PageCount{pages}.bytes(); });
}

TEST_F(Promises, HoldUpNoGuestWithoutADaemon) {
  Promise promise(config(), pages);
  promise.start();
  start_daemon();
  wait_until("its memory is promised", [&] { return promised_bytes() == PageCount{pages}.bytes(); });
}

TEST_F(Promises, OfMoreThanMayBeAreRefused) {
  ServerConfig limited;
  limited.admission.trusted = {};
  limited.admission.user_guests = 1;
  start_daemon(limited);
  const Promise first(config(), pages);
  EXPECT_THROW(Promise(config(), pages), UserError);
  EXPECT_EQ(promised_bytes(), PageCount{pages}.bytes());
}

}  // namespace
}  // namespace samepage::dedup
