// SPDX-License-Identifier: Apache-2.0
// A peer that lies or talks nonsense, beside two honest guests. All that it can do is lose its own
// connection, and nothing else.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/pipe.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {

class HostilePeer : public testing::Test {
 protected:
  HostilePeer() {
    for (std::size_t page = 0; page < 8; ++page) {
      a_.fill(page, 1 + page);
      b_.fill(page, 1 + page);
    }
    fleet_.settle();
    Pipe process = make_pipe();
    process_ = std::move(process.writing);
    socket_ = fleet_.dial(std::move(process.reading));
  }

  void say(wire::Type type, std::span<const std::byte> payload) {
    static_cast<void>(send_message(socket_.get(), static_cast<std::uint32_t>(type), payload));
    fleet_.poll_daemon();
  }
  template <typename T>
  void say_one(wire::Type type, const T& value) {
    say(type, wire::bytes_of(value));
  }
  void join() {
    wire::Hello hello;
    hello.pages = 16;
    std::string("liar").copy(hello.guest, 8);
    std::string("default").copy(hello.domain, 8);
    say_one(wire::Type::hello, hello);
    auto message = receive_message(socket_.get());
    ASSERT_TRUE(message);
    ASSERT_EQ(message->type, static_cast<std::uint32_t>(wire::Type::welcome));
    store_ = std::move(message->fds.at(0));
    const auto welcome = wire::read_one<wire::Welcome>(message->payload);
    ASSERT_TRUE(welcome);
    secret_ = welcome->secret;
    const auto guard = receive_message(socket_.get());
    ASSERT_TRUE(guard);
    ASSERT_EQ(guard->type, static_cast<std::uint32_t>(wire::Type::guard));
  }
  bool cut_off() {
    fleet_.poll_daemon();
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
    char byte = 0;
    for (;;) {
      const ssize_t got = ::read(socket_.get(), &byte, 1);
      if (got > 0) continue;
      return got == 0 || errno == ECONNRESET;
    }
  }
  void others_go_on() {
    fleet_.check_everything("after the liar's turn");
    EXPECT_EQ(fleet_.figure("pages_sharing"), 8U);
    a_.fill(10, 77);
    b_.fill(11, 77);
    fleet_.settle();
    EXPECT_EQ(fleet_.figure("pages_sharing"), 9U);
  }

  Fleet fleet_;
  FleetGuest& a_ = fleet_.add(16);
  FleetGuest& b_ = fleet_.add(16);
  UniqueFd process_, socket_, store_;
  DigestSecret secret_{};
};

}  // namespace samepage::dedup
