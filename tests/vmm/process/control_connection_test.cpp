// SPDX-License-Identifier: Apache-2.0
// Clients of a guest's control socket that are slow, silent or gone.
#include "vmm/process/control_connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

using Step = ControlConnection::Step;
using std::chrono::seconds;

class ControlConnections : public testing::Test {
 protected:
  ControlConnections() : ControlConnections(connected_sockets()) {}
  void send(std::string_view bytes) const {
    ASSERT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  Step serve(seconds after = seconds(0)) {
    pollfd wait = connection_.wait();
    ::poll(&wait, 1, 0);
    return connection_.serve(wait.revents, start_ + after);
  }

  const std::string request_ = packed(ControlMessage::request, R"({"do": "ps"})");
  const ControlConnection::Clock::time_point start_ = ControlConnection::Clock::now();
  UniqueFd client_;
  ControlConnection connection_;

 private:
  explicit ControlConnections(std::pair<UniqueFd, UniqueFd> ends)
      : client_(std::move(ends.first)), connection_(std::move(ends.second)) {}
};

TEST_F(ControlConnections, ARequestIsAnswered) {
  send(request_);
  ASSERT_EQ(serve(), Step::request);
  EXPECT_EQ(connection_.take_request().text(), R"({"do": "ps"})");
  connection_.answer({{{"ok", true}}, {}}, start_);
  EXPECT_EQ(serve(), Step::done);
  EXPECT_TRUE(receive_message(client_.get()));
}

TEST_F(ControlConnections, OneThatSaysNothingHasAllTheTime) {
  EXPECT_FALSE(connection_.deadline());
  EXPECT_EQ(serve(seconds(3600)), Step::wait);
}

TEST_F(ControlConnections, OneThatSendsAByteNowAndThenHasOneDeadlineForTheWholeRequest) {
  for (int i = 0; i < 10; ++i) {
    send(request_.substr(static_cast<std::size_t>(i), 1));
    const Step step = serve(seconds(i));
    ASSERT_EQ(step, i < 2 ? Step::wait : Step::done) << "byte " << i;
    if (step == Step::done) return;
  }
}

TEST_F(ControlConnections, OneThatDoesNotReadItsAnswerIsWaitedForToTheDeadlineOnly) {
  send(request_);
  ASSERT_EQ(serve(), Step::request);
  connection_.answer({{{"ok", true}}, std::string(std::size_t{4} << 20, 'x')}, start_);
  EXPECT_EQ(serve(seconds(1)), Step::wait);
  EXPECT_EQ(serve(seconds(2)), Step::wait);
  EXPECT_EQ(serve(seconds(10)), Step::done);
}

TEST_F(ControlConnections, OneThatHangsUpIsDone) {
  client_.reset();
  EXPECT_EQ(serve(), Step::done);
}

}  // namespace
}  // namespace samepage::vmm
