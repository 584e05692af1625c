// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/watchers.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "base/framing.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

class WatchersTest : public testing::Test {
 protected:
  UniqueFd watch(std::string greeting = {}) {
    auto [guests, clients] = connected_sockets();
    watchers_.add(std::move(guests), std::move(greeting));
    return std::move(clients);
  }
  void serve() {
    std::vector<pollfd> waits;
    watchers_.add_waits(waits);
    ::poll(waits.data(), waits.size(), 0);
    watchers_.serve(waits);
  }
  /// All answers that have come, and what came with them.
  static std::vector<ControlAnswer> heard(const UniqueFd& client) {
    std::vector<ControlAnswer> answers;
    AnswerReceiver receiver;
    while (receiver.receive(client.get()) == AnswerReceiver::State::whole) answers.push_back(receiver.take());
    return answers;
  }

  Watchers watchers_;
};

TEST_F(WatchersTest, EachHearsEachChangeOnceAndInOrder) {
  const UniqueFd first = watch(packed(ControlAnswer{{{"ok", true}, {"state", "running"}}, "config"}));
  watchers_.tell({{"state", "paused"}});
  const UniqueFd second = watch();
  watchers_.tell({{"state", "running"}});
  serve();
  const auto of_first = heard(first);
  ASSERT_EQ(of_first.size(), 3U);
  EXPECT_EQ(of_first[0].data, "config");
  EXPECT_EQ(of_first[1].body.at("state"), "paused");
  EXPECT_EQ(of_first[2].body.at("state"), "running");
  ASSERT_EQ(heard(second).size(), 1U);
}

TEST_F(WatchersTest, OneThatDoesNotReadIsCutOffAndNobodyWaits) {
  const UniqueFd reader = watch();
  UniqueFd sleeper = watch();
  const json change{{"text", std::string(1000, 'x')}};
  for (int i = 0; i < 10'000 && watchers_.size() == 2; ++i) {
    watchers_.tell(change);
    heard(reader);
  }
  EXPECT_EQ(watchers_.size(), 1U);
  watchers_.tell({{"state", "paused"}});
  EXPECT_EQ(heard(reader).size(), 1U);
}

TEST_F(WatchersTest, ALongGreetingIsNotBeingBehind) {
  const std::string config(4 * Watchers::most_unsent, 'c');
  const UniqueFd client = watch(packed(ControlAnswer{{{"ok", true}}, config}));
  watchers_.tell({{"state", "paused"}});
  ASSERT_EQ(watchers_.size(), 1U);
  AnswerReceiver receiver;
  std::vector<ControlAnswer> answers;
  while (answers.size() < 2) {
    const auto state = receiver.receive(client.get());
    ASSERT_NE(state, AnswerReceiver::State::gone);
    if (state == AnswerReceiver::State::whole) answers.push_back(receiver.take());
    serve();
  }
  EXPECT_EQ(answers[0].data, config);
}

TEST_F(WatchersTest, OneThatHangsUpIsForgotten) {
  UniqueFd client = watch();
  client.reset();
  serve();
  EXPECT_EQ(watchers_.size(), 0U);
}

TEST_F(WatchersTest, TheEndIsTheLastThatTheyHear) {
  const UniqueFd client = watch();
  watchers_.tell({{"state", "paused"}});
  watchers_.finish({{"ended", true}});
  AnswerReceiver receiver;
  ASSERT_EQ(receiver.receive(client.get()), AnswerReceiver::State::whole);
  receiver.take();
  ASSERT_EQ(receiver.receive(client.get()), AnswerReceiver::State::whole);
  EXPECT_EQ(receiver.take().body.at("ended"), true);
  EXPECT_EQ(receiver.receive(client.get()), AnswerReceiver::State::gone);
}

}  // namespace
}  // namespace samepage::vmm
