// SPDX-License-Identifier: Apache-2.0
// The server with clients that are as they should be, and with others.
#include "dedup/metrics/metrics_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/metrics/parsed_metrics.hpp"

namespace samepage::dedup {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

class MetricsServerTest : public testing::Test {
 protected:
  void serve(const std::string& address, MetricsConfig config = {}) {
    config.addresses.push_back(parse_metrics_address(address, Reach::this_host));
    server_.emplace(std::move(config), [this](std::uint64_t, const MetricsServer::Deliver& deliver) {
      if (mute_) return;
      MetricsSnapshot snapshot;
      snapshot.guests_in_all = 42;
      deliver(std::move(snapshot));
    });
    server_->start();
  }
  std::string port() const {
    const std::string place = server_->places().at(0);
    const std::size_t colon = place.rfind(':');
    return place.substr(colon + 1, place.rfind('/') - colon - 1);
  }
  static std::string ask(std::iostream& client, const std::string& request) {
    client << request << std::flush;
    std::stringstream answer;
    answer << client.rdbuf();
    return answer.str();
  }
  std::string ask(const std::string& request) const {
    tcp::iostream client("127.0.0.1", port());
    return ask(client, request);
  }
  static std::string get(const std::string& header = "") {
    return "GET /metrics HTTP/1.1\r\nHost: x\r\n" + header + "\r\n";
  }

  std::atomic<bool> mute_ = false;
  std::optional<MetricsServer> server_;
};

TEST_F(MetricsServerTest, ServesEitherFormat) {
  serve("127.0.0.1:0");
  const std::string plain = ask(get());
  EXPECT_THAT(plain, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(plain, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_EQ(parse_metrics(plain.substr(plain.find("\r\n\r\n") + 4)).value("samepage_guests"), "42");
  const std::string open = ask(get("Accept: application/openmetrics-text\r\n"));
  EXPECT_THAT(open,
              HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
  EXPECT_TRUE(parse_metrics(open.substr(open.find("\r\n\r\n") + 4)).ended);
  const std::string head = ask("HEAD /metrics HTTP/1.0\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(MetricsServerTest, RefusesEverythingElse) {
  serve("127.0.0.1:0");
  EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\na=b"),
              HasSubstr("405 Method Not Allowed"));
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\na=b"),
              HasSubstr("413 Payload Too Large"));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(ask(get("X: " + std::string(9000, 'x') + "\r\n")),
              HasSubstr("431 Request Header Fields Too Large"));
  EXPECT_THAT(ask(get()), HasSubstr("200 OK"));
}

TEST_F(MetricsServerTest, ClientsThatSayNothingMakeRoomForOthers) {
  serve("127.0.0.1:0");
  std::vector<std::unique_ptr<tcp::iostream>> mute;
  for (int i = 0; i < 40; ++i) {
    mute.push_back(std::make_unique<tcp::iostream>("127.0.0.1", port()));
    *mute.back() << "GET /metr" << std::flush;
  }
  EXPECT_THAT(ask(get()), HasSubstr("200 OK"));
  const auto open = std::count_if(mute.begin(), mute.end(), [](const auto& client) {
    char byte = 0;
    return ::recv(client->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  });
  EXPECT_LE(open, 16) << "the older ones are cut off";
}

TEST_F(MetricsServerTest, WithoutFiguresClientsAreToldSo) {
  mute_ = true;
  MetricsConfig config;
  config.patience = std::chrono::milliseconds(0);
  serve("127.0.0.1:0", config);
  EXPECT_THAT(ask(get()), HasSubstr("503 Service Unavailable"));
  mute_ = false;
  EXPECT_THAT(ask(get()), HasSubstr("200 OK")) << "and the next time it is tried again";
}

TEST_F(MetricsServerTest, APlaceThatIsTakenIsAnErrorOrWaitedFor) {
  boost::asio::io_context io;
  std::optional<tcp::acceptor> other(std::in_place, io, tcp::endpoint(tcp::v4(), 0));
  const std::string address = fmt::format("127.0.0.1:{}", other->local_endpoint().port());
  EXPECT_THROW(serve(address), std::system_error);
  MetricsConfig config;
  config.trouble = MetricsConfig::Trouble::told;
  serve(address, config);
  EXPECT_TRUE(server_->places().empty());
  other.reset();
  wait_until("it serves somewhere", [&] { return !server_->places().empty(); });
  EXPECT_THAT(ask(get()), HasSubstr("200 OK"));
}

TEST_F(MetricsServerTest, ALocalSocketIsItsOwnersAndIsMadeAnewWhenItIsRemoved) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/metrics";
  serve("unix:" + path);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const auto ask_there = [&] {
    boost::asio::local::stream_protocol::iostream client{boost::asio::local::stream_protocol::endpoint(path)};
    return ask(client, get());
  };
  EXPECT_THAT(ask_there(), HasSubstr("200 OK"));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  wait_until("its socket is there", [&] { return std::filesystem::exists(path); });
  EXPECT_THAT(ask_there(), HasSubstr("200 OK"));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace samepage::dedup
