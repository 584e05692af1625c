// SPDX-License-Identifier: Apache-2.0
// A server in a thread of its own, as in the program, and clients that say whatever a test wants. A client
// that waits in vain fails its test.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/framing.hpp"
#include "manage/libvirt/server.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/manage/libvirt/fake_host.hpp"
#include "tests/manage/libvirt/hex.hpp"

namespace samepage::libvirt::test {

/// "web" as the wire has it.
inline constexpr const char* web_bytes = "00000003 77656200 10111213 14151617 18191a1b 1c1d1e1f 00000007";

class Client {
 public:
  explicit Client(UniqueFd socket) : socket_(std::move(socket)) { limit_waits(socket_.get(), {20, 0}); }

  void send(std::span<const std::byte> bytes) const {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t now = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;  // the server has hung up, which a test sees by itself
      sent += static_cast<std::size_t>(now);
    }
  }
  /// Returns the serial of a call.
  std::uint32_t call(std::int32_t procedure, std::string_view arguments = "") {
    Header header;
    header.procedure = procedure;
    header.serial = serial_++;
    send(header, arguments);
    return header.serial;
  }
  void send(const Header& header, std::string_view payload_hex = "") const {
    XdrWriter payload = payload_writer();
    payload.raw(from_hex(payload_hex));
    send(packed(header, std::move(payload)));
  }

  /// None: the server has hung up.
  std::optional<Message> receive() {
    for (;;) {
      if (auto message = messages_.next()) return message;
      std::array<std::byte, 4096> buffer{};
      const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) ADD_FAILURE() << "the server says nothing";
      if (got <= 0) return std::nullopt;
      messages_.add(std::span(buffer).first(static_cast<std::size_t>(got)));
    }
  }
  /// The answer to a call, which is the next message.
  Message ask(std::int32_t procedure, std::string_view arguments = "") {
    const std::uint32_t serial = call(procedure, arguments);
    std::optional<Message> reply = receive();
    EXPECT_TRUE(reply) << "no answer to " << procedure;
    if (!reply) return {};
    EXPECT_EQ(reply->header.type, MessageType::reply);
    EXPECT_EQ(reply->header.procedure, procedure);
    EXPECT_EQ(reply->header.serial, serial);
    return *reply;
  }
  /// The same as bytes to compare, or "error CODE: TEXT".
  std::string answer(std::int32_t procedure, std::string_view arguments = "") {
    return text_of(ask(procedure, arguments));
  }
  static std::string text_of(const Message& message) {
    if (message.header.status != Status::error) return hex(message.payload);
    XdrReader in(message.payload);
    const int code = in.i32();
    in.i32();
    return fmt::format("error {}: {}", code, in.optional_text().value_or(""));
  }
  Client& opened(bool read_only = false) {
    EXPECT_EQ(answer(1, read_only ? "00000000 00000001" : "00000000 00000000"), "");
    return *this;
  }
  /// Whether the server hangs up, whatever it says before.
  bool is_cut_off() {
    while (receive()) {
    }
    return true;
  }
  void hang_up() { socket_.reset(); }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
  MessageAssembler messages_;
  std::uint32_t serial_ = 0;
};

class Served : public testing::Test {
 protected:
  explicit Served(const ServerConfig& config = {}) {
    server_.emplace(io_, host_, config);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Served() override { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
    server_.reset();
  }
  /// Done by the server's thread.
  template <typename Action>
  auto on_server(Action action) {
    auto task = std::make_shared<std::packaged_task<decltype(action())()>>(std::move(action));
    auto result = task->get_future();
    boost::asio::post(io_, [task] { (*task)(); });
    if (result.wait_for(longest_wait) != std::future_status::ready) {
      ADD_FAILURE() << waited_in_vain("for the server's thread to do something");
      throw std::runtime_error("the server hangs");
    }
    return result.get();
  }
  /// Throws what the server says to that.
  Client connect(Access most = Access::writes) {
    auto [ours, servers] = connected_sockets();
    on_server([&, end = &servers] { server_->adopt(std::move(*end), most); });
    return Client(std::move(ours));
  }
  /// Until the server has done all it was doing.
  void wait_for_clients(std::size_t number) {
    wait_until("the server has " + std::to_string(number) + " clients",
               [&] { return on_server([this] { return server_->clients(); }) == number; });
  }

  FakeHost host_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_ =
      boost::asio::make_work_guard(io_);
  std::optional<Server> server_;
  std::thread thread_;
};

}  // namespace samepage::libvirt::test
