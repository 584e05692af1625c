// SPDX-License-Identifier: Apache-2.0
// The table against guests that are processes without a machine, and do what the test tells them.
#include "manage/libvirt/guest_table.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/framing.hpp"
#include "base/pipe.hpp"
#include "base/temporary_directory.hpp"
#include "manage/libvirt/domain_xml.hpp"
#include "tests/base/descriptor_limit.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"
#include "vmm/control/console_stream.hpp"
#include "vmm/process/guest_config_bytes.hpp"

namespace samepage::libvirt {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using vmm::ControlAnswer;
using What = GuestNews::What;

std::string state(const char* word) {
  return vmm::packed(ControlAnswer{{{"ok", true}, {"state", word}, {"balloon_bytes", 0}}, {}});
}

// A process that holds a name and greets whoever watches it. Orders are single characters.
class FakeGuest {
 public:
  explicit FakeGuest(const std::string& name, const std::string& note = {}) {
    Pipe orders = make_pipe();
    Pipe ready = make_pipe();
    process_ = Child::start([&] { live(name, note, orders.reading.get(), ready.writing.get()); });
    ready.writing.reset();
    orders_ = std::move(orders.writing);
    said_ = std::move(ready.reading);
    wait_for_a_word();
  }
  FakeGuest(const FakeGuest&) = delete;
  FakeGuest& operator=(const FakeGuest&) = delete;

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// p: pause, r: resume, c: cut the watchers off, n: the same, and refuse the next ones, e: end with words,
  /// x: end without.
  void order(char what) const { EXPECT_EQ(::write(orders_.get(), &what, 1), 1); }
  /// When it has refused somebody.
  void wait_for_a_word() const {
    char word = 0;
    ASSERT_TRUE(wait_to_read(said_.get(), "a word of the guest's process"));
    EXPECT_EQ(::read(said_.get(), &word, 1), 1);
  }
  /// Whether it was there to be killed.
  bool kill() {
    process_.kill();
    return process_.was_killed();
  }
  void reap() { process_.wait("a guest that was told to end"); }

 private:
  [[noreturn]] static void live(const std::string& name, const std::string& note, int orders, int ready) {
    vmm::GuestProcessConfig config;
    config.name = name;
    config.machine.image = "/image";
    config.note = note;
    std::string now = "running";
    int refusals = -1;  // none are given
    std::vector<UniqueFd> callers;
    std::optional<vmm::NameClaim> claim(vmm::GuestRegistry::of_this_user().claim(name));
    static_cast<void>(::write(ready, "r", 1));
    for (;;) {
      std::vector<pollfd> waits{{claim->listener(), POLLIN, 0}, {orders, POLLIN, 0}};
      for (const UniqueFd& caller : callers) waits.push_back({caller.get(), POLLIN, 0});
      ::poll(waits.data(), waits.size(), -1);
      for (std::size_t i = 2; i < waits.size(); ++i) {
        std::array<char, 256> request{};
        if (waits[i].revents == 0 || ::recv(waits[i].fd, request.data(), request.size(), MSG_DONTWAIT) <= 0)
          continue;
        if (refusals >= 0) {
          std::string refusal = vmm::packed(ControlAnswer{{{"ok", false}, {"error", "too many watch"}}, {}});
          vmm::send_some(waits[i].fd, refusal);
          callers[i - 2].reset();
          static_cast<void>(::write(ready, "n", 1));
          if (++refusals > 3) ::_exit(0);
          continue;
        }
        std::string greeting = vmm::packed(
            ControlAnswer{{{"ok", true}, {"state", now}, {"balloon_bytes", 0}}, vmm::bytes_of(config)});
        vmm::send_some(waits[i].fd, greeting);
      }
      if (waits[0].revents != 0)
        callers.emplace_back(::accept4(claim->listener(), nullptr, nullptr, SOCK_CLOEXEC));
      char what = 0;
      if (waits[1].revents == 0 || ::read(orders, &what, 1) != 1) continue;
      if (what == 'x') break;
      if (what == 'n') refusals = 0;
      if (what == 'c' || what == 'n') callers.clear();
      if (what == 'p' || what == 'r') now = what == 'p' ? "paused" : "running";
      std::string news = state(now.c_str());
      if (what == 'e') {
        news = vmm::packed(ControlAnswer{
            {{"ok", true}, {"ended", true}, {"status", 9}, {"how", "exited"}, {"reason", ""}}, {}});
      }
      for (const UniqueFd& caller : callers) {
        std::string bytes = news;
        if (what != 'c' && what != 'n') vmm::send_some(caller.get(), bytes);
      }
      if (what == 'e') break;
    }
    callers.clear();
    claim.reset();
    ::_exit(0);
  }

  Child process_;
  UniqueFd orders_, said_;
};

class GuestTableTest : public testing::Test {
 protected:
  void SetUp() override { ::setenv("SAMEPAGE_RUNTIME_DIR", directory_.path().c_str(), 1); }
  void TearDown() override { ::unsetenv("SAMEPAGE_RUNTIME_DIR"); }

  // Looks until so many news have come, and once more for those that should not.
  static std::vector<What> news(GuestTable& table, std::size_t count) {
    std::vector<GuestNews> all;
    table.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60), [&] {
      for (GuestNews& one : table.take_news()) all.push_back(std::move(one));
      return all.size() >= count;
    });
    // What should not come is there by now, or comes with a later look of the same test.
    table.look();
    for (GuestNews& one : table.take_news()) all.push_back(std::move(one));
    last_ = all.empty() ? GuestNews{} : all.back();
    std::vector<What> kinds;
    for (const GuestNews& one : all) kinds.push_back(one.what);
    return kinds;
  }

  TemporaryDirectory directory_;
  static inline GuestNews last_;
};

TEST_F(GuestTableTest, ThoseThatWereThereAreNoNews) {
  const FakeGuest guest("a-guest-with-a-name-that-is-not-short");
  GuestTable table;
  table.wait_for_answers();
  ASSERT_EQ(table.all().size(), 1U);
  EXPECT_TRUE(table.all()[0]->answers);
  EXPECT_EQ(table.all()[0]->pid, guest.pid());
  EXPECT_EQ(table.all()[0]->definition.kernel, "/image");
  EXPECT_TRUE(table.take_news().empty());
}

TEST_F(GuestTableTest, EachChangeIsToldOnceAndInOrder) {
  GuestTable table;
  FakeGuest guest("a-guest-with-a-name-that-is-not-short");
  EXPECT_THAT(news(table, 1), ElementsAre(What::started));
  for (const char order : {'p', 'r', 'p', 'e'}) guest.order(order);
  guest.reap();
  EXPECT_THAT(news(table, 4), ElementsAre(What::paused, What::resumed, What::paused, What::ended));
  EXPECT_EQ(last_.end.how, "exited");
  EXPECT_EQ(last_.end.exit_code, 9);
  EXPECT_EQ(last_.guest.name, "a-guest-with-a-name-that-is-not-short");
  EXPECT_TRUE(table.all().empty());
}

TEST_F(GuestTableTest, OneThatIsKilledHasEnded) {
  GuestTable table;
  FakeGuest guest("web");
  EXPECT_THAT(news(table, 1), ElementsAre(What::started));
  guest.kill();
  EXPECT_THAT(news(table, 1), ElementsAre(What::ended));
  EXPECT_EQ(last_.end.how, "killed");
}

TEST_F(GuestTableTest, OneThatRefusesToBeWatchedIsNotAskedAgainAndAgain) {
  GuestTable table;
  FakeGuest guest("web");
  EXPECT_THAT(news(table, 1), ElementsAre(What::started));
  guest.order('n');
  std::atomic<bool> refused = false;
  std::thread guest_refuses([&] {
    guest.wait_for_a_word();
    refused = true;
  });
  table.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(20),
                   [&] { return refused.load(); });
  for (int look = 0; look < 2000; ++look) {
    table.look();
    std::this_thread::yield();
  }
  guest_refuses.join();
  EXPECT_TRUE(guest.kill()) << "it ended by itself, after several refusals";
  EXPECT_THAT(news(table, 1), ElementsAre(What::ended));
}

TEST_F(GuestTableTest, OneThatTakesTheNameAtOnceIsAnother) {
  GuestTable table;
  for (int life = 0; life < 5; ++life) {
    FakeGuest guest("web");
    EXPECT_THAT(news(table, 1), ElementsAre(What::started));
    guest.order('x');
    guest.reap();
    FakeGuest next("web");
    EXPECT_THAT(news(table, 2), ElementsAre(What::ended, What::started));
    EXPECT_EQ(last_.guest.pid, next.pid());
    next.kill();
    EXPECT_THAT(news(table, 1), ElementsAre(What::ended));
  }
}

TEST_F(GuestTableTest, OneThatCutsUsOffIsWatchedAgain) {
  GuestTable table;
  const FakeGuest guest("web");
  EXPECT_THAT(news(table, 1), ElementsAre(What::started));
  guest.order('c');
  guest.order('p');
  EXPECT_THAT(news(table, 1), ElementsAre(What::paused)) << "it is told how the guest is now";
  guest.order('r');
  EXPECT_THAT(news(table, 1), ElementsAre(What::resumed));
}

TEST_F(GuestTableTest, AGuestTellsTheXmlThatItWasCreatedWith) {
  DomainDefinition definition;
  definition.name = "web";
  definition.title = "Kept";
  definition.uuid = uuid_of_text("x");
  definition.memory_kib = definition.current_kib = 4096;
  definition.kernel = "/k";
  const FakeGuest guest("web", domain_xml(definition));
  const FakeGuest other("other", domain_xml(definition));
  const FakeGuest broken("broken", "<domain");
  GuestTable table;
  table.wait_for_answers();
  EXPECT_EQ(table.find("web")->definition.title, "Kept");
  EXPECT_EQ(table.find("web")->definition.uuid, definition.uuid);
  EXPECT_EQ(table.find("other")->definition.title, "") << "it is another guest's";
  EXPECT_EQ(table.find("broken")->definition.kernel, "/image");
}

TEST_F(GuestTableTest, OneThatHangsIsThereAndNobodyWaitsForEver) {
  const FakeGuest guest("web");
  ::kill(guest.pid(), SIGSTOP);
  GuestTable table;
  table.wait_for_answers();
  ASSERT_NE(table.find("web"), nullptr);
  EXPECT_FALSE(table.find("web")->answers);
  ::kill(guest.pid(), SIGCONT);
  table.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                   [&] { return table.find("web")->answers; });
  EXPECT_TRUE(table.find("web")->answers);
}

TEST_F(GuestTableTest, OneThatCanNotBeReachedIsToldOfOnceAndTriedAgain) {
  GuestTable table;
  const FakeGuest guest("web");
  const DescriptorLimit descriptors;
  testing::internal::CaptureStderr();
  descriptors.exhaust();
  for (int looks = 0; looks < 3; ++looks) table.look_for("web");
  descriptors.raise();
  const std::string told = testing::internal::GetCapturedStderr();
  const std::size_t first = told.find("guest web can't be watched yet: ");
  ASSERT_NE(first, std::string::npos) << told;
  EXPECT_NE(told.find("Too many open files"), std::string::npos) << told;
  EXPECT_EQ(told.find("guest web", first + 1), std::string::npos) << told;
  EXPECT_THAT(news(table, 1), ElementsAre(What::started));
}

}  // namespace
}  // namespace samepage::libvirt
