// SPDX-License-Identifier: Apache-2.0
// samepaged with a policy: what its file says holds for guests as people start them, and for users whom the
// daemon does not know otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/framing.hpp"
#include "base/pipe.hpp"
#include "base/unique_fd.hpp"
#include "dedup/protocol.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class PolicyOfTheHost : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (directory_.empty()) return;
    kill_daemon();
    policy_ = directory_ + "/policy";
  }
  // As an editor does that leaves no half a file: never is there less than all of it.
  void write(const std::string& text) const {
    std::ofstream(policy_ + ".new") << text;
    ASSERT_EQ(::chmod((policy_ + ".new").c_str(), 0644), 0);
    std::filesystem::rename(policy_ + ".new", policy_);
  }
  static std::string own_rule(const std::string& what) {
    return std::to_string(::geteuid()) + " " + what + "\n";
  }

  std::string policy_;
};

TEST_F(PolicyOfTheHost, AGuestThatItKeepsOutRunsAndSaysWhyAndJoinsWhenItMay) {
  write(own_rule("domains=lab-*"));
  start_daemon({"--policy", policy_});
  const Finished started =
      samepage({"run", "--detach", "--name", "kept", "--mem", "16M", "hello", "--", "wait=1"});
  EXPECT_EQ(started.code, 0);
  EXPECT_THAT(started.err, AllOf(HasSubstr("nothing is shared for now"), HasSubstr(policy_ + ", line 1"),
                                 HasSubstr("domains=lab-* and not 'default'")));
  EXPECT_THAT(guest_figures("kept").at("kept_out").get<std::string>(), HasSubstr("line 1"));
  EXPECT_THAT(samepage({"stat", "kept"}).out, HasSubstr("kept out"));
  EXPECT_THAT(samepage({"stat"}).out, HasSubstr("; 1 kept out"));
  EXPECT_EQ(ask({"stat"}).at("daemon").at("users").at(0).at("kept_out"), 1);
  start("let-in", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "lab-1"});
  EXPECT_EQ(guest_figures("let-in").at("connected"), true);
  write(own_rule("domains=lab-*,default"));
  ASSERT_EQ(::kill(daemon_, SIGHUP), 0);
  wait_until("the guest joins", [&] { return guest_figures("kept").at("connected") == true; });
  EXPECT_FALSE(guest_figures("kept").contains("kept_out"));
}

TEST_F(PolicyOfTheHost, ABadFileIsNamedAtTheStart) {
  write(own_rule("max-guests=1") + "* max-guests=many\n");
  const Finished finished =
      run({program("samepaged"), "--socket", directory_ + "/other.sock", "--policy", policy_});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.err, AllOf(StartsWith("samepaged: the policy " + policy_ + " can't be used"),
                                  HasSubstr("line 2: 'max-guests=many'")));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/other.sock"));
}

TEST_F(PolicyOfTheHost, ABadFileLeavesTheFormerPolicyInForce) {
  write(own_rule("domains=a"));
  Pipe err = make_pipe();
  Process daemon({program("samepaged"), "--socket", directory_ + "/samepaged.sock", "--policy", policy_}, -1,
                 err.writing.get());
  err.writing.reset();
  wait_until("the daemon listens",
             [&] { return static_cast<bool>(connect_local(directory_ + "/samepaged.sock")); });
  write("nonsense\n");
  daemon.signal(SIGHUP);
  // What it says of that is the first thing that it says.
  std::string said(4096, '\0');
  const ssize_t got = ::read(err.reading.get(), said.data(), said.size());
  ASSERT_GT(got, 0);
  said.resize(static_cast<std::size_t>(got));
  EXPECT_THAT(said, AllOf(HasSubstr("the former policy stays in force"), HasSubstr("line 1: ")));
  start("in-a", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "a"});
  EXPECT_EQ(guest_figures("in-a").at("connected"), true);
  start("in-b", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "b"});
  EXPECT_EQ(guest_figures("in-b").at("connected"), false);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
}

// Names of users are looked up by the running daemon, which may not load a library for that.
TEST_F(PolicyOfTheHost, AConfinedDaemonReadsAnotherOne) {
  write(own_rule("domains=a"));
  start_daemon({"--policy", policy_, "--confine", "on"});
  start("in-b", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "b"});
  EXPECT_EQ(guest_figures("in-b").at("connected"), false);
  write(own_rule("domains=a,b") + "nobody max-guests=1\n");
  ASSERT_EQ(::kill(daemon_, SIGHUP), 0);
  wait_until("the guest joins", [&] { return guest_figures("in-b").at("connected") == true; });
}

// A process of another user that says HELLO and hears what the daemon answers. It keeps the connection for as
// long as the value is there.
class Peer {
 public:
  Peer(uid_t user, const std::string& socket, const std::string& domain) {
    Pipe answer = make_pipe();
    process_ = Child::start([&] {
      if (::setgid(user) != 0 || ::setuid(user) != 0) ::_exit(1);
      die_with_parent();
      say_hello(socket, domain, answer.writing.get());
    });
    answer.writing.reset();
    answer_.resize(4096);
    const bool came = wait_to_read(answer.reading.get(), "what the daemon answers a peer");
    const ssize_t got = came ? ::read(answer.reading.get(), answer_.data(), answer_.size()) : 0;
    answer_.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  /// "welcome", or why not; empty when nothing came.
  [[nodiscard]] const std::string& answer() const { return answer_; }

 private:
  static void say_hello(const std::string& socket, const std::string& domain, int answer) {
    using Type = dedup::wire::Type;
    const UniqueFd daemon = connect_local(socket);
    dedup::wire::Hello hello;
    hello.pages = 256;
    std::string("peer").copy(hello.guest, dedup::wire::max_name - 1);
    domain.copy(hello.domain, dedup::wire::max_name - 1);
    if (!daemon ||
        !send_message(daemon.get(), static_cast<std::uint32_t>(Type::hello), dedup::wire::bytes_of(hello)))
      return;
    const auto message = receive_message(daemon.get());
    if (!message) return;
    const bool joined = message->type == static_cast<std::uint32_t>(Type::welcome);
    const std::string text = joined ? "welcome" : std::string(message->text());
    if (::write(answer, text.data(), text.size()) < 0) return;
    for (;;) ::pause();
  }

  Child process_;
  std::string answer_;
};

TEST_F(PolicyOfTheHost, EachUserHasWhatTheirRuleSays) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be other users";
  constexpr uid_t tenant_a = 23456, tenant_b = 23457, stranger = 23458;
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  write("23456 domains=a,lab-* max-guests=2 max-ram=2M max-domains=1\n23457 domains=b max-guests=1\n");
  start_daemon({"--policy", policy_, "--allow-others"});
  const std::string socket = directory_ + "/samepaged.sock";
  const Peer a(tenant_a, socket, "a");
  EXPECT_EQ(a.answer(), "welcome");
  EXPECT_THAT(Peer(tenant_a, socket, "b").answer(),
              HasSubstr("line 1) lets user 23456 join domains=a,lab-*"));
  EXPECT_THAT(Peer(tenant_a, socket, "lab-1").answer(), HasSubstr("max-domains=1"));
  EXPECT_THAT(Peer(tenant_b, socket, "a").answer(), HasSubstr("line 2) lets user 23457 join domains=b"));
  const auto b = std::make_unique<Peer>(tenant_b, socket, "b");
  EXPECT_EQ(b->answer(), "welcome") << "what one has, another does not lack";
  EXPECT_THAT(Peer(tenant_b, socket, "b").answer(), HasSubstr("max-guests=1"));
  EXPECT_THAT(Peer(stranger, socket, "a").answer(), HasSubstr("no rule for user 23458"));
  const Peer second(tenant_a, socket, "a");
  EXPECT_EQ(second.answer(), "welcome");
  EXPECT_THAT(Peer(tenant_a, socket, "a").answer(), HasSubstr("max-guests=2"));
  start("roots", {"hello", "wait=1"}, {"--mem", "16M"});
  EXPECT_EQ(guest_figures("roots").at("connected"), true) << "no rule names root";
}

TEST_F(PolicyOfTheHost, OneThatTheDaemonsUserCannotReadIsToldAtTheStart) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  write("* max-guests=1\n");
  ASSERT_EQ(::chmod(policy_.c_str(), 0600), 0);
  const Finished finished = run({program("samepaged"), "--socket", directory_ + "/samepaged.sock", "--policy",
                                 policy_, "--user", "nobody", "--allow-others"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.err, HasSubstr("can't open it"));
}

}  // namespace
}  // namespace samepage::system_test
