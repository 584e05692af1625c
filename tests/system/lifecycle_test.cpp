// SPDX-License-Identifier: Apache-2.0
// Guests from the command line: run, ps, pause, resume, map, dump.
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/framing.hpp"
#include "base/types.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class Lifecycle : public Host {};

TEST_F(Lifecycle, AGuestsOutputAndExitCodeAreTheCommands) {
  const Finished hello = samepage({"run", "hello", "--", "exit=7"});
  EXPECT_EQ(hello.code, 7) << hello.err;
  EXPECT_NE(hello.out.find("hello from samepage"), std::string::npos);
  EXPECT_TRUE(leftovers().empty());
}

TEST_F(Lifecycle, AGuestHasTheProcessorsAndMemoryItWasGiven) {
  const Finished hello = samepage({"run", "--cpus", "2", "--mem", "32M", "hello", "--", "start=1"});
  EXPECT_EQ(hello.code, 0) << hello.err;
  EXPECT_NE(hello.out.find("2 CPUs, 32 MiB of RAM"), std::string::npos) << hello.out;
  EXPECT_NE(hello.out.find("2 CPUs run"), std::string::npos) << hello.out;
}

TEST_F(Lifecycle, SeveralGuestsRunTogether) {
  const Finished run = samepage({"run", "--name", "many", "--count", "3", "hello"});
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* name : {"many-1", "many-2", "many-3"})
    EXPECT_NE(run.out.find(name), std::string::npos) << run.out;
}

TEST_F(Lifecycle, APausedGuestStandsStill) {
  start("a", {"churn", "pages=100", "working_set=50", "rate=1000"}, {"--mem", "16M"});
  wait_until("the guest works", [&] { return log_of("a").find("pages/s") != std::string::npos; });
  ASSERT_EQ(samepage({"pause", "a"}).code, 0);
  EXPECT_EQ(ask({"ps"})[0].at("state"), "paused");
  // Its memory does not change while it is paused.
  const std::string one = directory_ + "/one", two = directory_ + "/two";
  ASSERT_EQ(samepage({"dump", "a", one}).code, 0);
  const std::string log = log_of("a");
  ASSERT_EQ(samepage({"dump", "a", two}).code, 0);
  EXPECT_EQ(run({"/usr/bin/cmp", one, two}).code, 0);
  EXPECT_EQ(std::filesystem::file_size(one), 16U << 20);
  EXPECT_EQ(log_of("a"), log);
  ASSERT_EQ(samepage({"resume", "a"}).code, 0);
  wait_until("the guest goes on", [&] { return log_of("a").size() > log.size(); });
}

TEST_F(Lifecycle, AConsoleFileIsEmptiedByAGuestThatStarts) {
  const std::string file = directory_ + "/console";
  std::ofstream(file) << "what the guest before has printed, which is longer than a greeting of one line is";
  const auto content = [&] {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string before = content();
  for (const Words& way : {Words{}, Words{"--detach"}}) {
    Words words{"run", "--console", file};
    words.insert(words.end(), way.begin(), way.end());
    words.insert(words.end(), {"--mem", "64K", "hello"});
    EXPECT_EQ(samepage(words).code, 1);
    EXPECT_EQ(content(), before);
    words.at(2) = directory_ + "/new";
    EXPECT_EQ(samepage(words).code, 1);
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/new"));
  }
  EXPECT_EQ(samepage({"run", "--console", file, "hello"}).code, 0);
  EXPECT_EQ(content().find("hello from"), 0U);
  ASSERT_EQ(samepage({"run", "--detach", "--console", file, "--name", "d", "hello"}).code, 0);
  wait_until("the guest has ended", [&] { return ask({"ps"}).empty(); });
  const std::string after = content();
  EXPECT_EQ(std::count(after.begin(), after.end(), '\n'), 1) << after;
}

TEST_F(Lifecycle, ADumpThatFailsLeavesTheFileAlone) {
  start("a", {"fill", "own=2000"}, {"--mem", "16M"});
  wait_for_line("a", "ready");
  const std::string file = directory_ + "/dump";
  ASSERT_EQ(samepage({"dump", "a", file}).code, 0);
  const auto before = std::filesystem::file_size(file);
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &own), 0);
  const pid_t guest = ask({"ps"})[0].at("pid").get<pid_t>();
  const rlimit small{4096, own.rlim_max};  // the guest's process can't write it
  ASSERT_EQ(::prlimit(guest, RLIMIT_FSIZE, &small, nullptr), 0);
  EXPECT_EQ(samepage({"dump", "a", file}).code, 1);
  EXPECT_EQ(std::filesystem::file_size(file), before);
  for (const std::string& left : leftovers()) EXPECT_EQ(left.find(".samepage-"), std::string::npos) << left;
}

TEST_F(Lifecycle, ADumpGoesThroughAPipe) {
  start("a", {"fill", "own=20"}, {"--mem", "16M"});
  wait_for_line("a", "ready");
  ASSERT_EQ(samepage({"pause", "a"}).code, 0);
  const std::string file = directory_ + "/dump";
  ASSERT_EQ(samepage({"dump", "a", file}).code, 0);
  const Finished piped =
      run({"/bin/sh", "-c", program("samepage") + " dump a - | cmp - " + file + " && test ! -e ./-"});
  EXPECT_EQ(piped.code, 0) << piped.out << piped.err;
}

TEST_F(Lifecycle, SomebodyWhoCallsAndSaysNothingDelaysNobody) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M"});
  std::vector<UniqueFd> silent;
  const auto call = [&] { silent.push_back(connect_local(directory_ + "/guests/a.sock")); };
  const auto hung_up = [](const UniqueFd& caller) {
    pollfd wait{caller.get(), POLLIN, 0};
    return ::poll(&wait, 1, 0) != 0;
  };
  call();
  EXPECT_EQ(ask({"ps"}).size(), 1U);
  EXPECT_FALSE(hung_up(silent.front())) << "it was waited for until it was dropped";
  // So many that there is no room: the first goes.
  for (int i = 0; i < 64; ++i) call();
  EXPECT_EQ(ask({"ps"}).size(), 1U);
  EXPECT_TRUE(hung_up(silent.front()));
  EXPECT_FALSE(hung_up(silent.back()));
  // Whoever speaks in the end is heard.
  ASSERT_TRUE(send_message(silent.back().get(), 1, R"({"do": "logs"})"));
  EXPECT_TRUE(receive_message(silent.back().get()));
}

TEST_F(Lifecycle, TheMapAddsUpToTheMemory) {
  start("a", {"fill", "zero=50", "common=60", "own=70"}, {"--mem", "16M"});
  wait_for_line("a", "ready");
  settle();
  std::uint64_t next = 0;
  for (const auto& run : ask({"map", "a"})) {
    EXPECT_EQ(run.at("gfn").get<std::uint64_t>(), next);
    next += run.at("pages").get<std::uint64_t>();
  }
  EXPECT_EQ(next, pages_in(16U << 20).value);
  const auto figures = guest_figures("a");
  const auto bytes = [&](const char* key) { return figures.at(key).get<std::uint64_t>(); };
  EXPECT_EQ(bytes("private_bytes") + bytes("shared_bytes") + bytes("zero_bytes") + bytes("untouched_bytes"),
            bytes("ram_bytes"));
  EXPECT_GE(bytes("zero_bytes"), 50 * page_size);
  // What was never written costs nothing.
  EXPECT_GT(bytes("untouched_bytes"), 12U << 20);
}

TEST_F(Lifecycle, StatHasItsKeys) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M"});
  const auto stat = ask({"stat"});
  for (const char* key :
       {"pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "zero_pages", "full_scans",
        "breaks", "saved_bytes", "overhead_bytes", "net_saved_bytes", "kernel_bytes", "hold_max_us",
        "tracker", "frame_dups", "reserved_bytes", "committed_bytes", "paged_bytes"}) {
    EXPECT_TRUE(stat.at("host").contains(key)) << key;
  }
  ASSERT_EQ(stat.at("guests").size(), 1U);
  for (const char* key : {"name", "pid", "domain", "state", "ram_bytes", "private_bytes", "shared_bytes",
                          "zero_bytes", "untouched_bytes", "breaks", "vmas", "paged_bytes", "paged_out"}) {
    EXPECT_TRUE(stat.at("guests")[0].contains(key)) << key;
  }
}

}  // namespace
}  // namespace samepage::system_test
