// SPDX-License-Identifier: Apache-2.0
#include "tests/system/host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include <array>
#include <chrono>
#include <filesystem>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/exit_by_signal.hpp"
#include "base/pipe.hpp"
#include "base/poll_timeout.hpp"
#include "base/spawn_plan.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon_client.hpp"
#include "manage/guests/settling.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::system_test {
namespace {

pid_t spawn(const Words& command, int out, int err) {
  SpawnPlan plan;
  plan.open(0, "/dev/null", O_RDONLY);
  plan.duplicate(out, 1);
  plan.duplicate(err, 2);
  const std::vector<char*> words = argv_of(command);
  pid_t pid = -1;
  errno = plan.spawn(pid, words[0], words.data());
  if (errno != 0) throw_errno("posix_spawn " + command[0]);
  return pid;
}

// Both streams to their ends, whichever has something first. False when an end does not come.
bool drain(int out_fd, std::string& out, int err_fd, std::string& err) {
  std::array<pollfd, 2> waiting{pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0}};
  const std::array<std::string*, 2> texts{&out, &err};
  const auto end = std::chrono::steady_clock::now() + longest_wait;
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    if (::poll(waiting.data(), waiting.size(), poll_timeout(end)) == 0) return false;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      std::array<char, 4096> part{};
      const ssize_t got = ::read(waiting[i].fd, part.data(), part.size());
      if (got > 0) {
        texts[i]->append(part.data(), static_cast<std::size_t>(got));
      } else {
        waiting[i].fd = -1;
      }
    }
  }
  return true;
}

}  // namespace

std::string program(const std::string& name) {
  return std::string(SAMEPAGE_BUILD_DIR) + "/bin/" + name;
}
std::string image(const std::string& name) {
  return std::string(SAMEPAGE_BUILD_DIR) + "/images/" + name;
}

void Host::SetUp() {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/kvm can't be used here";
  std::string pattern = "/tmp/samepage-test-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  ::setenv("SAMEPAGE_RUNTIME_DIR", directory_.c_str(), 1);
  ::unsetenv("SAMEPAGE_SOCKET");
  start_daemon();
}

void Host::TearDown() {
  if (directory_.empty()) return;
  for (const auto& guest : ask({"ps"})) samepage({"kill", guest.at("name").get<std::string>()});
  kill_daemon();
  // A daemon that a guest has started may not have ended yet, and puts back what belongs to it.
  wait_until("the runtime directory can be removed", [&] {
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
    return !error;
  });
}

pid_t Host::start_daemon(const Words& options) {
  const std::string path = directory_ + "/samepaged.sock";
  const UniqueFd null = checked_fd(::open("/dev/null", O_WRONLY | O_CLOEXEC), "open /dev/null");
  Words command{program("samepaged"), "--socket", path};
  command.insert(command.end(), options.begin(), options.end());
  daemon_ = spawn(command, null.get(), 2);
  // Its socket is there before it has given up rights, and is ready.
  wait_until("the daemon answers", [&] { return dedup::ask_daemon(path, {{"do", "stat"}}).has_value(); });
  return daemon_;
}

void Host::kill_daemon() {
  if (daemon_ <= 0) return;
  ::kill(daemon_, SIGKILL);
  ::waitpid(daemon_, nullptr, 0);
  daemon_ = -1;
}

Finished Host::run(const Words& command) const {
  Pipe out = make_pipe(), err = make_pipe();
  const pid_t pid = spawn(command, out.writing.get(), err.writing.get());
  out.writing.reset();
  err.writing.reset();
  Finished finished;
  const std::string words = fmt::format("{}", fmt::join(command, " "));
  if (!drain(out.reading.get(), finished.out, err.reading.get(), finished.err)) {
    ADD_FAILURE() << waited_in_vain("for the end of what this prints: " + words) << "\n"
                  << finished.out << finished.err;
    ::kill(pid, SIGKILL);
  }
  finished.code = exit_code_of(status_of_child(pid, words));
  return finished;
}

Finished Host::samepage(Words arguments) const {
  arguments.insert(arguments.begin(), program("samepage"));
  return run(arguments);
}

nlohmann::json Host::ask(Words arguments) const {
  arguments.emplace_back("--json");
  const Finished finished = samepage(arguments);
  EXPECT_EQ(finished.code, 0) << finished.err;
  return nlohmann::json::parse(finished.out, nullptr, false);
}

void Host::start(const std::string& name, const Words& image_and_arguments, const Words& options) const {
  Words arguments{"run", "--detach", "--name", name};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back(image_and_arguments.front());
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), image_and_arguments.begin() + 1, image_and_arguments.end());
  const Finished finished = samepage(arguments);
  ASSERT_EQ(finished.code, 0) << finished.err;
}

nlohmann::json Host::guest_figures(const std::string& name) const {
  const nlohmann::json stat = ask({"stat"});
  for (const auto& guest : stat.at("guests")) {
    if (guest.at("name") == name) return guest;
  }
  ADD_FAILURE() << "no guest " << name;
  return {};
}

nlohmann::json Host::end_of(const std::string& name) const {
  nlohmann::json end;
  wait_until(name + " has ended", [&] {
    for (const auto& guest : ask({"ps", "--all"})) {
      if (guest.at("name") == name && guest.at("state") == "ended") end = guest;
    }
    return !end.is_null();
  });
  return end;
}

void Host::wait_for_line(const std::string& guest, const std::string& line) const {
  wait_until(guest + " prints " + line,
             [&] { return ("\n" + log_of(guest)).find("\n" + line + "\n") != std::string::npos; });
}

void Host::merge_fast() const {
  ASSERT_EQ(samepage({"tune", "interval=0", "max-interval=0", "cpu=100"}).code, 0);
}

void Host::settle() const {
  merge_fast();
  guests::Settling settling(4);
  wait_until("nothing more is shared", [&] { return settling.add(host_figures()); });
}

std::vector<std::string> Host::leftovers() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    const bool daemons = entry.path().filename().string().starts_with("samepaged.sock") ||
                         entry.path().filename() == "samepage.log";
    if (entry.is_directory() || daemons) continue;
    if (entry.path().parent_path().filename() != "ended") files.push_back(entry.path());
  }
  return files;
}

}  // namespace samepage::system_test
