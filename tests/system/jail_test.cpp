// SPDX-License-Identifier: Apache-2.0
// Guests in jails: they see nothing of the host, and do all that others do.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/framing.hpp"
#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

namespace fs = std::filesystem;

fs::path process_folder(pid_t pid) {
  return fs::path("/proc") / std::to_string(pid);
}

class Jail : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (IsSkipped()) return;
    const Finished tried = samepage({"run", "--mem", "16M", "--jail", "hello"});
    if (tried.err.find("can't be jailed here") != std::string::npos) GTEST_SKIP() << tried.err;
    ASSERT_EQ(tried.code, 0) << tried.err;
  }
  pid_t pid_of(const std::string& guest) const { return guest_figures(guest).at("pid").get<pid_t>(); }

  // All that there is below the root of its process, runtime directory left out.
  std::vector<std::string> seen_by(pid_t pid, const fs::path& runtime) const {
    const fs::path root = process_folder(pid) / "root";
    std::vector<std::string> seen;
    for (fs::recursive_directory_iterator at(root / ""), end; at != end; ++at) {
      const fs::path inside = "/" / at->path().lexically_relative(root);
      if (inside == runtime) {
        at.disable_recursion_pending();
      } else if (runtime.string().find(inside.string() + "/") != 0) {
        seen.push_back(inside);
      }
    }
    return seen;
  }
  void expect_jailed(pid_t pid, const fs::path& runtime) const {
    EXPECT_EQ(seen_by(pid, runtime), std::vector<std::string>{});
    for (const char* space : {"user", "mnt", "net", "ipc", "uts"}) {
      EXPECT_NE(fs::read_symlink(process_folder(pid) / "ns" / space),
                fs::read_symlink(fs::path("/proc/self/ns") / space))
          << space;
    }
  }
};

TEST_F(Jail, AGuestSeesNothingOfTheHost) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M", "--jail"});
  start("b", {"hello", "wait=1"}, {"--mem", "16M"});
  EXPECT_EQ(guest_figures("a").at("jailed"), true);
  EXPECT_EQ(guest_figures("b").at("jailed"), false);
  EXPECT_EQ(guest_figures("a").at("connected"), true);
  expect_jailed(pid_of("a"), directory_);
  EXPECT_NE(log_of("a").find("hello"), std::string::npos);
  EXPECT_EQ(samepage({"stop", "a"}).code, 0);
  EXPECT_EQ(end_of("a").at("how"), "stopped");
}

TEST_F(Jail, NoConfinementIsLessThanAJail) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M", "--jail", "--confine", "off"});
  start("b", {"hello", "wait=1"}, {"--mem", "16M", "--confine", "off", "--jail"});
  for (const char* guest : {"a", "b"}) {
    EXPECT_EQ(guest_figures(guest).at("jailed"), true);
    EXPECT_EQ(guest_figures(guest).at("confined"), "yes");
  }
}

TEST_F(Jail, AGuestSharesWithOneThatIsFree) {
  for (const std::string name : {"jailed", "free"}) {
    Words options{"--mem", "32M"};
    if (name == "jailed") options.emplace_back("--jail");
    start(name, {"fill", "common=1000", "own=100", "verify=1"}, options);
    wait_for_line(name, "ready");
  }
  merge_fast();
  settle();
  for (const char* guest : {"jailed", "free"})
    EXPECT_GE(guest_figures(guest).at("shared_bytes").get<std::uint64_t>(), 1000U * 4096) << guest;
}

TEST_F(Jail, AGuestIsForkedAndRestored) {
  start("parent", {"fill", "common=1000", "own=1000", "verify=1"}, {"--mem", "32M", "--jail"});
  wait_for_line("parent", "ready");
  ask({"fork", "parent", "--name", "clone", "--jail"});
  const std::string file = directory_ + "/snapshot";
  ASSERT_EQ(samepage({"snapshot", "clone", file}).code, 0);
  ASSERT_EQ(samepage({"restore", file, "--detach", "--name", "restored", "--jail"}).code, 0);
  for (const char* guest : {"clone", "restored"}) {
    EXPECT_EQ(guest_figures(guest).at("jailed"), true);
    EXPECT_EQ(guest_figures(guest).at("state"), "running");
    expect_jailed(pid_of(guest), directory_);
  }
  for (const char* guest : {"parent", "clone", "restored"}) EXPECT_EQ(samepage({"stop", guest}).code, 0);
  fs::remove(file);
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

TEST_F(Jail, AGuestJoinsTheDaemonThatFollowsALostOne) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M", "--jail"});
  kill_daemon();
  start_daemon();
  wait_until("it joins the other daemon", [&] { return guest_figures("a").at("connected") == true; });
}

// In a directory of theirs, with a daemon of theirs that the guest's process starts.
TEST_F(Jail, AnOrdinaryUsersGuestToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "the other tests were an ordinary user's";
  constexpr uid_t user = 23459;
  struct stat kvm {};
  ASSERT_EQ(::stat("/dev/kvm", &kvm), 0);
  const std::string runtime = directory_ + "/user";
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(::mkdir(runtime.c_str(), 0700), 0);
  ASSERT_EQ(::chown(runtime.c_str(), user, user), 0);
  const std::string samepage = program("samepage");
  constexpr int no_access = 77;
  Pipe err = make_pipe();
  Process guest({samepage, "run", "--mem", "16M", "--name", "theirs", "--jail", "hello", "--", "wait=1"}, -1,
                err.writing.get(), [&] {
                  ::setenv("SAMEPAGE_RUNTIME_DIR", runtime.c_str(), 1);
                  if (::setgroups(1, &kvm.st_gid) != 0 || ::setgid(user) != 0 || ::setuid(user) != 0 ||
                      ::access("/dev/kvm", R_OK | W_OK) != 0 || ::access(samepage.c_str(), X_OK) != 0)
                    ::_exit(no_access);
                });
  err.writing.reset();
  const std::string socket = runtime + "/guests/theirs.sock";
  const auto runs = [&] {
    if (::kill(guest.pid(), 0) != 0) return true;
    std::error_code error;
    const fs::path root = fs::path("/proc") / std::to_string(guest.pid()) / "root";
    return !fs::exists(root / "proc", error) || !fs::exists(process_folder(guest.pid()) / "exe", error);
  };
  wait_until("the guest is in its jail or has ended", runs);
  if (!connect_local(socket)) {
    const int code = guest.wait();
    const std::string said = read_to_end(err.reading.get());
    if (code == no_access) GTEST_SKIP() << "another user can use neither /dev/kvm nor the build";
    if (said.find("can't be jailed here") != std::string::npos) GTEST_SKIP() << said;
    FAIL() << code << ": " << said;
  }
  expect_jailed(guest.pid(), runtime);
  guest.signal(SIGTERM);
  EXPECT_EQ(guest.wait(), 128 + SIGTERM);
  EXPECT_FALSE(fs::exists(socket));
}

}  // namespace
}  // namespace samepage::system_test
