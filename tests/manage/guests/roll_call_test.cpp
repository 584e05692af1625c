// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/roll_call.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/json_text.hpp"

namespace samepage::guests {
namespace {

using nlohmann::json;

// A guest that answers when the test has it answer.
class FakeGuest {
 public:
  FakeGuest(const vmm::GuestRegistry& registry, const std::string& name) : claim_(registry.claim(name)) {}

  [[nodiscard]] bool is_asked() {
    UniqueFd socket(::accept4(claim_.listener(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return false;
    callers_.push_back(std::move(socket));
    return true;
  }
  void answer(const json& body) {
    while (is_asked()) {
    }
    for (const UniqueFd& caller : callers_) {
      ASSERT_TRUE(send_message(caller.get(), static_cast<std::uint32_t>(vmm::ControlMessage::answer),
                               dedup::json_text(body)));
    }
    callers_.clear();
  }
  void hang_up() { callers_.clear(); }

 private:
  vmm::NameClaim claim_;
  std::vector<UniqueFd> callers_;
};

class RollCallTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  vmm::GuestRegistry registry_{directory_.path() + "/guests"};
  FakeGuest one_{registry_, "one"}, two_{registry_, "two"};
  RollCall call_{vmm::GuestRegistry(directory_.path() + "/guests"), {{"do", "stat"}}};
};

TEST_F(RollCallTest, IsCompleteWhenAllHaveAnswered) {
  call_.call();
  EXPECT_FALSE(call_.complete());
  one_.answer({{"ok", true}, {"ram_bytes", 1}});
  call_.receive();
  EXPECT_FALSE(call_.complete());
  two_.answer({{"ok", true}, {"ram_bytes", 2}});
  call_.receive();
  EXPECT_TRUE(call_.complete());
  const std::vector<json> answers = call_.answers();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0], (json{{"name", "one"}, {"ram_bytes", 1}}));
  EXPECT_EQ(answers[1], (json{{"name", "two"}, {"ram_bytes", 2}}));
}

TEST_F(RollCallTest, AGuestIsNamedAsItIsReachedWhateverItCallsItself) {
  call_.call();
  one_.answer({{"ok", true}, {"name", "two"}});
  call_.receive();
  EXPECT_EQ(call_.answers()[0]["name"], "one");
}

TEST_F(RollCallTest, ASilentGuestIsWaitedForOnceAndNotAskedAgain) {
  call_.call();
  one_.answer({{"ok", true}});
  call_.receive();
  EXPECT_EQ(call_.answers()[1]["state"], "not answering");
  EXPECT_TRUE(two_.is_asked());
  call_.call();
  one_.answer({{"ok", true}});
  call_.receive();
  EXPECT_TRUE(call_.complete());
  EXPECT_FALSE(two_.is_asked());
  EXPECT_EQ(call_.answers()[1]["state"], "not answering");
}

TEST_F(RollCallTest, ALateAnswerCountsAndTheGuestIsAskedAgain) {
  call_.call();
  call_.call();
  two_.answer({{"ok", true}, {"state", "running"}});
  call_.receive();
  EXPECT_EQ(call_.answers()[1]["state"], "running");
  call_.call();
  EXPECT_TRUE(two_.is_asked());
  EXPECT_FALSE(call_.complete());
}

TEST_F(RollCallTest, AGuestThatEndsIsNoNewsAndOneThatRefusesDoesNotAnswer) {
  call_.call();
  EXPECT_TRUE(one_.is_asked());
  one_.hang_up();
  two_.answer({{"ok", false}, {"error", "no"}});
  call_.receive();
  EXPECT_TRUE(call_.complete());
  ASSERT_EQ(call_.answers().size(), 1U);
  EXPECT_EQ(call_.answers()[0]["name"], "two");
  EXPECT_EQ(call_.answers()[0]["state"], "not answering");
}

}  // namespace
}  // namespace samepage::guests
