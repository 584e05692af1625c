// SPDX-License-Identifier: Apache-2.0
// `samepage analyze` as a person calls it, and its prediction beside what merging then did.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/types.hpp"
#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

class Analyze : public Host {
 protected:
  std::string file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    std::filesystem::create_directories(directory_ + "-files");
    return directory_ + "-files/" + name;
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_ + "-files");
    Host::TearDown();
  }
};

std::uint64_t number(const nlohmann::json& from, const char* key) {
  return from.at(key).get<std::uint64_t>();
}

TEST_F(Analyze, WhatItFindsInDumpsIsWhatMergingMerges) {
  start("a", {"fill", "common=1500", "zero=300", "own=200", "seed=1"}, {"--mem", "32M"});
  start("b", {"fill", "common=1500", "zero=300", "own=200", "seed=2"}, {"--mem", "32M"});
  wait_for_line("a", "ready");
  wait_for_line("b", "ready");
  merge_fast();
  settle();
  const nlohmann::json merged = host_figures();
  for (const char* guest : {"a", "b"}) ASSERT_EQ(samepage({"dump", guest, path(guest)}).code, 0);
  const nlohmann::json found = ask({"analyze", path("a"), path("b")});
  EXPECT_EQ(number(found, "pages"), 2 * pages_in(32U << 20U).value);
  const auto further = static_cast<double>(number(found, "shared_pages") - number(found, "frames"));
  EXPECT_GE(further, 1500);
  // Some pages of a guest that idles change all the time; frames of a single guest's image save nothing.
  EXPECT_NEAR(static_cast<double>(number(merged, "pages_sharing")), further, 16);
  EXPECT_GE(number(found, "zero_pages"), number(merged, "zero_pages"));
  EXPECT_GE(number(found.at("pairs").at(0), "frames"), 1500U);
}

TEST_F(Analyze, WhatGoesWrongIsOneLineThatNamesTheFile) {
  const std::string page(page_size, 'x');
  const std::string one = file("one", page);
  ASSERT_EQ(::link(one.c_str(), path("other").c_str()), 0);
  const auto refused = [&](const Words& files, const std::string& reason) {
    Words words{"analyze"};
    words.insert(words.end(), files.begin(), files.end());
    const Finished finished = samepage(words);
    EXPECT_EQ(finished.code, 1);
    EXPECT_EQ(finished.out, "");
    EXPECT_NE(finished.err.find(reason), std::string::npos) << finished.err;
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  };
  refused({one, path("none")}, "none can't be opened: No such file");
  refused({one, one}, "one is given twice");
  refused({one, path("other")}, "are the same file");
  refused({file("kdump", "KDUMP   " + page)}, "kdump is a kdump-compressed dump");
  refused({path("")}, "is a directory");
}

// A machine of QEMU's that never runs, with 16 MiB of RAM and `loaded` in it.
class AnalyzeQemu : public Analyze {
 protected:
  static constexpr const char* qemu = "/usr/bin/qemu-system-x86_64";
  void SetUp() override {
    Analyze::SetUp();
    if (!IsSkipped() && ::access(qemu, X_OK) != 0) GTEST_SKIP() << "there is no " << qemu;
  }
  // `how`: options of dump-guest-memory.
  [[nodiscard]] std::string dump(const std::string& name, const std::string& how,
                                 const std::string& loaded = {}) const {
    const std::string to = path(name);
    Words command{"/bin/sh",
                  "-c",
                  "printf 'dump-guest-memory %s %s\\nquit\\n' \"$0\" \"$1\" | (shift && \"$@\")",
                  how,
                  to,
                  qemu,
                  "-machine",
                  "pc,accel=tcg",
                  "-m",
                  "16",
                  "-S",
                  "-nodefaults",
                  "-display",
                  "none",
                  "-monitor",
                  "stdio"};
    if (!loaded.empty()) {
      command.push_back("-device");
      command.push_back("loader,force-raw=on,addr=0x400000,file=" + loaded);
    }
    const Finished finished = run(command);
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_TRUE(std::filesystem::exists(to)) << finished.out << finished.err;
    return to;
  }
};

TEST_F(AnalyzeQemu, FindsInADumpOfQemusWhatWasLoadedIntoIt) {
  constexpr std::uint64_t contents = 100, times = 3, unique = 7;
  std::string loaded;
  for (std::uint64_t i = 0; i < contents * times + unique; ++i) {
    // Pages of the firmware are code, and no row of one letter with a number before it.
    std::string page(page_size, 'x');
    const std::string number = std::to_string(i < contents * times ? i % contents : i);
    loaded += page.replace(0, number.size(), number);
  }
  const nlohmann::json before = ask({"analyze", dump("before", "")});
  const nlohmann::json after = ask({"analyze", dump("after", "", file("loaded", loaded))});
  EXPECT_EQ(after.at("files").at(0).at("format"), "elf");
  EXPECT_EQ(after.at("files").at(0).at("missing_bytes"), 0);
  EXPECT_GE(number(after, "pages"), pages_in(16U << 20U).value) << "RAM, and what firmware is beside it";
  EXPECT_EQ(number(after, "pages"), number(before, "pages"));
  EXPECT_EQ(number(after, "shared_pages") - number(before, "shared_pages"), contents * times);
  EXPECT_EQ(number(after, "frames") - number(before, "frames"), contents);
  EXPECT_EQ(number(after, "unique_pages") - number(before, "unique_pages"), unique);
  EXPECT_EQ(number(before, "zero_pages") - number(after, "zero_pages"), contents * times + unique);
}

TEST_F(AnalyzeQemu, NamesAKdumpOfQemusWithTheWayOut) {
  const Finished refused = samepage({"analyze", dump("packed", "-z")});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_NE(refused.err.find("packed is a kdump-compressed dump"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("have it written as ELF"), std::string::npos) << refused.err;
}

TEST_F(Analyze, ASignalEndsItAndNothingIsLeft) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Pipe err = make_pipe();
  Process process({program("samepage"), "analyze", fifo}, -1, err.writing.get());
  // It waits for somebody who writes once it has the FIFO open.
  UniqueFd writer;
  wait_until("it has the FIFO open", [&] {
    writer = UniqueFd(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return static_cast<bool>(writer);
  });
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(), 128 + SIGINT);
  EXPECT_TRUE(leftovers().empty());
}

}  // namespace
}  // namespace samepage::system_test
