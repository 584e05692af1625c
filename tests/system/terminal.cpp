// SPDX-License-Identifier: Apache-2.0
#include "tests/system/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/exit_by_signal.hpp"
#include "base/poll_timeout.hpp"
#include "base/spawn_plan.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/system/vt100.hpp"

namespace samepage::system_test {
namespace {

// In a session of its own: the first terminal that it opens becomes its controlling one.
pid_t spawn_in(const std::string& terminal, const std::vector<std::string>& command) {
  SpawnPlan plan;
  plan.lead_a_session();
  plan.open(0, terminal.c_str(), O_RDWR);
  plan.duplicate(0, 1);
  plan.duplicate(0, 2);
  const std::vector<char*> words = argv_of(command);
  pid_t pid = -1;
  errno = plan.spawn(pid, words[0], words.data());
  if (errno != 0) throw_errno("posix_spawn " + command[0]);
  return pid;
}

termios modes_of(int fd) {
  termios modes{};
  check(::tcgetattr(fd, &modes), "tcgetattr");
  return modes;
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& command, TerminalSize size) : size_(size) {
  int master = -1;
  int slave = -1;
  std::array<char, 64> name{};
  const winsize window{size.rows, size.columns, 0, 0};
  check(::openpty(&master, &slave, name.data(), nullptr, &window), "openpty");
  master_ = UniqueFd(master);
  slave_ = UniqueFd(slave);
  for (const int fd : {master, slave}) check(::fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl");
  first_modes_ = modes();
  pid_ = spawn_in(name.data(), command);
  process_ = checked_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
}

Terminal::~Terminal() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Terminal::type(std::string_view keys) const {
  ASSERT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Terminal::resize(TerminalSize size) {
  size_ = size;
  const winsize window{size.rows, size.columns, 0, 0};
  check(::ioctl(master_.get(), TIOCSWINSZ, &window), "TIOCSWINSZ");
}

void Terminal::signal(int number) const {
  ASSERT_EQ(::kill(pid_, number), 0);
}

bool Terminal::read_more(const Clock::time_point& end, const std::string& what) {
  std::array<pollfd, 2> waits{pollfd{master_.get(), POLLIN, 0}, pollfd{process_.get(), POLLIN, 0}};
  if (Clock::now() > end || check(::poll(waits.data(), waits.size(), poll_timeout(end)), "poll") == 0) {
    ADD_FAILURE() << waited_in_vain("for " + what) << ": " << screen_;
    return false;
  }
  if ((waits[0].revents & POLLIN) == 0) return waits[1].revents == 0;
  std::array<char, 4096> bytes{};
  const ssize_t got = check(::read(master_.get(), bytes.data(), bytes.size()), "read of a terminal");
  screen_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

void Terminal::wait_for(const std::string& text) {
  const auto end = Clock::now() + longest_wait;
  while (screen_.find(text) == std::string::npos) {
    if (!read_more(end, "'" + text + "'")) FAIL() << "it ended without '" << text << "': " << screen_;
  }
}

void Terminal::wait_for_more() {
  if (!read_more(Clock::now() + longest_wait, "more")) FAIL() << "it ended without more: " << screen_;
}

void Terminal::wait_to_see(const std::string& text) {
  const auto end = Clock::now() + longest_wait;
  for (;;) {
    Vt100 vt100(size_.columns, size_.rows);
    vt100.write(screen_);
    if (vt100.text().find(text) != std::string::npos) return;
    if (!read_more(end, "'" + text + "'")) FAIL() << "it ended without '" << text << "': " << screen_;
  }
}

int Terminal::wait() {
  const auto end = Clock::now() + longest_wait;
  while (read_more(end, "its end")) {
  }
  return exit_code_of(status_of_child(std::exchange(pid_, -1), "a command in a terminal"));
}

std::string Terminal::modes() const {
  const termios modes = modes_of(slave_.get());
  std::string text =
      fmt::format("{:o} {:o} {:o} {:o}", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
  for (const unsigned key : modes.c_cc) text += fmt::format(" {}", key);
  return text;
}

bool Terminal::is_raw() const {
  return (modes_of(slave_.get()).c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

}  // namespace samepage::system_test
